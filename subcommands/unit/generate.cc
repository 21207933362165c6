#include <filesystem>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/error_report.h"
#include "engine/unit/units.h"
#include "subcommands/unit/unit_commands.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> directories;
    std::vector<std::string> sources;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write a service for each .container, .volume and .network file of /etc/nau/systemd, "
        "/run/nau/systemd, /usr/local/share/nau/systemd and /usr/share/nau/systemd into DIR. "
        "systemd "
        "does this itself at boot and at each 'systemctl daemon-reload' where nau is linked as "
        "/usr/lib/systemd/system-generators/nau-generator.");
    flags.list("--from", "DIR", "Read the files of this directory instead", options.sources);
    flags.arguments("DIR", options.directories).completes(cli::Complete::directory);
    flags.example("nau unit generate --from . /tmp/units");
}

std::vector<std::filesystem::path> sources(const cli::Context& context, const Options& options) {
    if (!options.sources.empty()) {
        return {options.sources.begin(), options.sources.end()};
    }
    std::vector<std::filesystem::path> directories;
    const std::string wanted = context.environment("NAU_UNIT_DIRS").value_or("");
    for (const auto word : split(wanted, ':')) {
        if (!word.empty()) {
            directories.emplace_back(word);
        }
    }
    if (!directories.empty()) {
        return directories;
    }
    return {"/etc/nau/systemd",
            "/run/nau/systemd",
            "/usr/local/share/nau/systemd",
            "/usr/share/nau/systemd"};
}

int run(cli::Context& context, const Options& options) {
    constexpr int kSomeFailed = 1;
    // Of systemd's three directories the first is the one of ordinary priority.
    const auto result = engine::generate_units(sources(context, options),
                                               options.directories.front(),
                                               engine::unit_program(context.engine()));
    for (const auto& name : result.units) {
        context.out().print("{}\n", name);
    }
    for (const auto& error : result.errors) {
        cli::report_error(Error(ErrorKind::invalid, "{}", error));
    }
    return result.errors.empty() ? 0 : kSomeFailed;
}

}  // namespace

constinit const cli::Command unit_generate =
    cli::make_command<Options, declare, run>("Generate systemd services from files");

}  // namespace nau::subcommands
