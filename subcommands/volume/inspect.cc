#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/listing.h"
#include "cli/usage_error.h"
#include "engine/volume/volume.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_all = false;
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Print all that is known of volumes as a JSON list.");
    flags.toggle("-a,--all", "Of all volumes", options.is_all);
    flags.value("-f,--format",
                "TEMPLATE",
                "Print what a Go template says of each volume, or json",
                options.format);
    flags.arguments("VOLUME", options.names).optional();
    flags.usage("VOLUME...");
    flags.example("nau volume inspect --format '{{.Mountpoint}}' data");
}

int run(cli::Context& context, const Options& options) {
    if (options.names.empty() == !options.is_all) {
        throw cli::UsageError("nau volume inspect",
                              "{}",
                              options.is_all ? "volumes and --all exclude each other"
                                             : "'nau volume inspect' needs at least one VOLUME");
    }
    std::vector<std::string> names = options.names;
    if (options.is_all) {
        for (const auto& volume : engine::list_volumes(context.engine(), {})) {
            names.push_back(volume.name);
        }
    }
    nlohmann::json objects = nlohmann::json::array();
    const bool has_template = !options.format.empty() && options.format != "json";
    const int worst = cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            nlohmann::json object = engine::inspect_volume(context.engine(), name);
            if (has_template) {
                cli::print_object(context.out(), options.format, object);
            } else {
                objects.push_back(std::move(object));
            }
        },
        cli::exit_code_of);
    if (!has_template) {
        cli::print_json(context.out(), objects);
    }
    return worst;
}

}  // namespace

constinit const cli::Command volume_inspect =
    cli::make_command<Options, declare, run>("Print all that is known of volumes");

}  // namespace nau::subcommands
