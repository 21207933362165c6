#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/text.h"
#include "engine/system/event_list.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    ContainerSelection selection;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Tell in sentences what happened to containers last: how they ended, on whose account, "
        "with what memory, and what to do.");
    declare_selection(flags, options.selection, cli::Complete::container);
    flags.example("nau why web");
}

int run(cli::Context& context, const Options& options) {
    constexpr size_t kColumns = 100;
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau why", AllOf::any),
        [&](const std::string& name) {
            const std::string text =
                cli::escape_control(engine::explain_container(context.engine(), name));
            if (!context.out().is_terminal()) {
                context.out().write(text + "\n");
                return;
            }
            for (const auto line : cli::wrap(text, context.out().columns_or(kColumns))) {
                context.out().write(std::string(line) + "\n");
            }
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command why =
    cli::make_command<Options, declare, run>("Tell what happened to one or more containers");

}  // namespace nau::subcommands
