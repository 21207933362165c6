#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/store/namespaces.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Remove namespaces with nothing in them.");
    flags.arguments("NAME", options.names);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        options.names,
        [&](const std::string& name) {
            engine::remove_namespace(context.engine(), name);
            context.out().print("{}\n", name);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command namespace_rm =
    cli::make_command<Options, declare, run>("Remove empty namespaces");

}  // namespace nau::subcommands
