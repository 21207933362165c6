#include "cli/context.h"

#include <cstdlib>
#include <unistd.h>

#include "base/log.h"
#include "cli/files.h"
#include "config/settings.h"
#include "engine/engine.h"

namespace nau::cli {

void declare_program_flags(FlagSet& flags, GlobalOptions& options) {
    flags.section("Global options");
    flags.toggle("-v,--version", "Print the version of nau", options.wants_version);
    flags
        .parsed("--storage-driver",
                "DRIVER",
                "How a new store keeps layers and containers (overlay|vfs)",
                [&options](std::string_view text) {
                    options.storage_driver = config::parse_storage_driver(text);
                })
        .explain(
            "Without it overlay, or vfs where the file system cannot do that. A store keeps the "
            "driver that it was made with; naming another one is an error. The environment "
            "variable NAU_STORAGE_DRIVER does the same.");
    flags
        .list("--storage-opt",
              "NAME=VALUE",
              "imagestore=DIR: look for images in this store, too",
              options.storage_options)
        .explain(
            "It is only read. May be given several times, and in podman's words: "
            "overlay.imagestore, additionalimagestore. See also additional_image_stores in "
            "nau.conf(5).");
    declare_global_flags(flags, options);
}

void declare_global_flags(FlagSet& flags, GlobalOptions& options) {
    flags.begin_globals();
    flags.section("Global options");
    flags
        .value("--root",
               "DIR",
               "Keep images, containers and volumes below this directory",
               options.root)
        .completes(Complete::directory)
        .explain("The environment variable NAU_ROOT does the same.");
    flags
        .value("--runroot",
               "DIR",
               "Keep what is gone with the next boot below this directory",
               options.run_root)
        .completes(Complete::directory)
        .explain("It should be a tmpfs. The environment variable NAU_RUNROOT does the same.");
    flags
        .parsed("--namespace",
                "NAME",
                "Work on the images, containers and volumes of this tenant",
                [&options](std::string_view text) {
                    if (!config::is_valid_namespace(text)) {
                        throw Error(ErrorKind::invalid, "is no name of a namespace");
                    }
                    options.name_space = std::string(text);
                })
        .explain(
            "The content of images is shared between namespaces, nothing else is. The "
            "environment variable NAU_NAMESPACE does the same.");
    flags
        .value(
            "--log-level", "LEVEL", "Tell on standard error what is being done", options.log_level)
        .defaults_to("warn")
        .one_of({"trace", "debug", "info", "warn", "error", "off"});
}

Context::Context(const CommandTable& table, const GlobalOptions& globals)
    : table_(table), globals_(globals), out_(STDOUT_FILENO) {
    if (globals.log_level) {
        log::set_level(log::parse_level(*globals.log_level));
    }
}

Context::~Context() = default;

std::optional<std::string> Context::environment(const std::string& name) const {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in nau changes the environment
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> Context::environment() const {
    std::vector<std::string> variables;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        variables.emplace_back(*entry);
    }
    return variables;
}

const config::Settings& Context::settings() {
    if (!settings_) {
        auto settings =
            std::make_unique<config::Settings>(config::load_settings(config::read_environment()));
        if (globals_.root) {
            settings->graph_root = absolute_path(*globals_.root);
        }
        if (globals_.run_root) {
            settings->run_root = absolute_path(*globals_.run_root);
        }
        if (globals_.name_space) {
            settings->name_space = *globals_.name_space;
        }
        if (globals_.storage_driver) {
            settings->storage_driver = *globals_.storage_driver;
        }
        for (const auto& option : globals_.storage_options) {
            settings->additional_image_stores.push_back(
                doing("--storage-opt", [&] { return config::parse_storage_option(option); }));
        }
        if (!globals_.log_level) {
            log::set_level(settings->log_level);
        }
        settings_ = std::move(settings);
    }
    return *settings_;
}

engine::Engine& Context::engine() {
    if (!engine_) {
        const config::Settings& from = settings();
        engine_ = std::make_unique<engine::Engine>(engine::EngineOptions{
            .graph_root = from.graph_root,
            .run_root = from.run_root,
            .name_space = from.name_space,
            .log_max_size_bytes = from.log_max_size_bytes,
            .log_max_files = from.log_max_files,
            .storage_driver = from.storage_driver,
            .additional_image_stores = {from.additional_image_stores.begin(),
                                        from.additional_image_stores.end()},
            .max_concurrent_downloads = from.max_concurrent_downloads,
            .default_network = from.default_network,
            .default_publish_address = from.default_publish_address,
            .subnet_pools = from.subnet_pools,
            .registries = from.registries,
        });
    }
    return *engine_;
}

}  // namespace nau::cli
