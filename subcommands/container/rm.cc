#include <set>
#include <span>

#include "base/error.h"
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
    engine::RemoveOptions remove;
    bool ignores_missing = false;
    bool removes_dependents = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove containers with what they have written. The status is 1 when a container does not "
        "exist, 2 when one runs.");
    declare_all(flags, options.selection, "Remove all containers");
    flags.toggle("-f,--force",
                 "Kill a container that runs; do not fail for one that does not exist",
                 options.remove.is_forced);
    flags.toggle(
        "-i,--ignore", "Do not fail for a container that does not exist", options.ignores_missing);
    flags
        .value("-t,--time",
               "SECONDS",
               "With --force, ask it to end first and wait so long",
               options.remove.timeout)
        .defaults_to("0");
    flags.toggle("-v,--volumes",
                 "Remove the container's volumes that have no name",
                 options.remove.removes_volumes);
    flags.toggle("--depend",
                 "Remove the containers that share its namespaces or require it as well",
                 options.removes_dependents);
    declare_id_files(flags, options.selection);
    declare_selection_filters(flags, options.selection, "--filter");
    declare_selection(flags, options.selection, cli::Complete::container);
}

/// What of several containers can go at once; the others take the way of a single one.
std::set<std::string> remove_together(cli::Context& context,
                                      const Options& options,
                                      std::span<const std::string> names) {
    if (names.size() < 2 || options.removes_dependents) {
        return {};
    }
    auto removed = engine::remove_ended_containers(context.engine(), names, options.remove);
    return {removed.begin(), removed.end()};
}

int run(cli::Context& context, const Options& options) {
    const bool forgives = options.remove.is_forced || options.ignores_missing;
    ContainerSelection selection = options.selection;
    selection.ignores_missing_files = forgives;
    const auto names = selected_containers(context, selection, "nau rm", AllOf::any);
    const std::set<std::string> removed = remove_together(context, options, names);
    return cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            try {
                if (options.removes_dependents) {
                    for (const auto& id : engine::dependents_of(context.engine(), name)) {
                        (void)engine::remove_container(context.engine(), id, options.remove);
                        context.out().print("{}\n", id);
                    }
                }
                if (!removed.contains(name)) {
                    (void)engine::remove_container(context.engine(), name, options.remove);
                }
            } catch (const Error& error) {
                // What was not found may be a part of a container that is there.
                if (!forgives || error.kind() != ErrorKind::not_found ||
                    engine::container_exists(context.engine(), name)) {
                    throw;
                }
                return;
            }
            context.out().print("{}\n", name);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command rm =
    cli::make_command<Options, declare, run>("Remove one or more containers");

}  // namespace nau::subcommands
