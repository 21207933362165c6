#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/unit/units.h"
#include "subcommands/unit/unit_commands.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> what;
    std::string restart;
    std::string directory = "/etc/systemd/system";
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write services for systemd, as 'nau unit print' shows them, and print their paths. "
        "'systemctl daemon-reload' makes them known, 'systemctl enable --now' starts them now and "
        "at boot.");
    flags.value("--directory", "DIR", "Write them there", options.directory)
        .defaults_to("/etc/systemd/system")
        .completes(cli::Complete::directory);
    flags.toggle("-f,--force", "Replace a file that nau has not written", options.is_forced);
    flags.value("--restart", "POLICY", "Give services of containers this Restart=", options.restart)
        .one_of(
            {"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"});
    flags.arguments("CONTAINER|FILE", options.what).completes(cli::Complete::container);
    flags.example(
        "nau unit install web && systemctl daemon-reload && systemctl enable --now nau-web");
    flags.example("nau unit install ./web.container ./data.volume");
}

int run(cli::Context& context, const Options& options) {
    const auto program = engine::unit_program(context.engine());
    return cli::for_each_object(
        context,
        options.what,
        [&](const std::string& word) {
            const auto unit =
                names_a_unit_file(word)
                    ? engine::unit_of_file(word, program)
                    : engine::unit_of_container(context.engine(), word, options.restart, program);
            const auto path = engine::install_unit(unit, options.directory, options.is_forced);
            context.out().print("{}\n", path.string());
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command unit_install =
    cli::make_command<Options, declare, run>("Write systemd services for containers");

}  // namespace nau::subcommands
