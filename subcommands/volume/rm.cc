#include "base/error.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"
#include "engine/volume/volume.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_all = false;
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove volumes and what is in them. The status is 1 when a volume does not exist, 2 when "
        "a container uses it.");
    flags.toggle("-a,--all", "Remove all volumes", options.is_all);
    flags.toggle("-f,--force",
                 "Remove the containers that use it; do not fail for one that does not exist",
                 options.is_forced);
    flags.arguments("VOLUME", options.names).optional();
    flags.usage("VOLUME...");
}

int run(cli::Context& context, const Options& options) {
    if (options.names.empty() == !options.is_all) {
        throw cli::UsageError("nau volume rm",
                              "{}",
                              options.is_all ? "volumes and --all exclude each other"
                                             : "'nau volume rm' needs at least one VOLUME");
    }
    std::vector<std::string> names = options.names;
    if (options.is_all) {
        for (const auto& volume : engine::list_volumes(context.engine(), {})) {
            names.push_back(volume.name);
        }
    }
    return cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            try {
                engine::remove_volume(context.engine(), name, options.is_forced);
            } catch (const Error& error) {
                if (!options.is_forced || error.kind() != ErrorKind::not_found) {
                    throw;
                }
                return;
            }
            context.out().print("{}\n", name);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command volume_rm =
    cli::make_command<Options, declare, run>("Remove one or more volumes");

}  // namespace nau::subcommands
