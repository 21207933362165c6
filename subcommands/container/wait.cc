#include "base/error.h"
#include "base/parse.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/containers.h"
#include "engine/container/lifecycle.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
    bool ignores_missing = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Wait until containers do not run any more and print the status of each on a line. A "
        "status that nobody knows is printed as -1.");
    flags
        .parsed("--condition",
                "STATE",
                "Wait for this state: stopped, exited (the same)",
                [](std::string_view text) {
                    if (text != "stopped" && text != "exited") {
                        throw Error(ErrorKind::unsupported,
                                    "condition '{}' is not supported by nau yet",
                                    text);
                    }
                })
        .repeatable()
        .defaults_to("stopped");
    flags.toggle(
        "--ignore", "Print -1 for a container that does not exist", options.ignores_missing);
    flags.parsed("-i,--interval",
                 "DURATION",
                 "Checked, and not needed: nau is woken up by the end itself",
                 [](std::string_view text) { (void)parse_duration(text); });
    declare_selection(flags, options.selection, cli::Complete::container);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau wait", AllOf::any),
        [&](const std::string& name) {
            int code = -1;
            try {
                code = engine::wait_container(context.engine(), name).code.value_or(-1);
            } catch (const Error& error) {
                if (!options.ignores_missing || error.kind() != ErrorKind::not_found ||
                    engine::container_exists(context.engine(), name)) {
                    throw;
                }
            }
            context.out().print("{}\n", code);
            context.out().flush();  // the next wait may be long
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command wait =
    cli::make_command<Options, declare, run>("Wait until one or more containers have ended");

}  // namespace nau::subcommands
