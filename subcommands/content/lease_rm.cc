#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/store/namespaces.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> ids;
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Remove leases. What only they kept is collected afterwards.");
    flags.toggle("-f,--force", "Also those whose process lives", options.is_forced);
    flags.arguments("ID", options.ids);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        options.ids,
        [&](const std::string& id) {
            engine::remove_lease(context.engine(), id, options.is_forced);
            context.out().print("{}\n", id);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command lease_rm = cli::make_command<Options, declare, run>("Remove leases");

}  // namespace nau::subcommands
