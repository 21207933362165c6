#include "cli/context.h"
#include "engine/unit/units.h"
#include "subcommands/unit/unit_commands.h"

namespace nau::subcommands {

bool names_a_unit_file(const std::string& word) {
    // A container's name may hold a dot too; a path is never one.
    return word.find('/') != std::string::npos || word.ends_with(".container") ||
           word.ends_with(".volume") || word.ends_with(".network");
}

namespace {

struct Options {
    std::string what;
    std::string restart;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print a service for systemd: for a container that exists, or for a .container, .volume or "
        ".network file in Quadlet's syntax.");
    flags.value("--restart", "POLICY", "Give a container's service this Restart=", options.restart)
        .one_of(
            {"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"})
        .explain(
            "The default is on-failure, or no for a container with a restart policy of its own. A "
            "file "
            "says it in its section [Service].");
    flags.argument("CONTAINER|FILE", options.what).completes(cli::Complete::container);
    flags.example("nau unit print web");
    flags.example("nau unit print ./web.container");
}

int run(cli::Context& context, const Options& options) {
    const auto program = engine::unit_program(context.engine());
    const auto unit =
        names_a_unit_file(options.what)
            ? engine::unit_of_file(options.what, program)
            : engine::unit_of_container(context.engine(), options.what, options.restart, program);
    context.out().write(unit.text);
    return 0;
}

}  // namespace

constinit const cli::Command unit_print =
    cli::make_command<Options, declare, run>("Print a systemd service for a container");

}  // namespace nau::subcommands
