#pragma once

// Programs that the spec wants to be run at points of a container's life (runtime-spec, config.md,
// "POSIX-platform Hooks"), and the state they read on their standard input.
//
//   create   prestart, createRuntime    by the parent, in its namespaces   mounts made, not pivoted
//            createContainer            by the child, in the container's   the same moment, later
//   start    startContainer             by the child, inside the root      before the command
//            poststart                  by the caller of launch()          the command runs
//   delete   poststop                   by whoever deletes                 nothing is left
//
// launch() runs the first four. poststart and poststop belong to who starts and who deletes:
// run_hooks() and run_poststop_hooks().

#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace nau::runtime {

/// The state of a container as the specification has it (runtime.md, "State").
struct ContainerState {
    std::string id;
    std::string status;  ///< creating, created, running, stopped
    pid_t pid = 0;       ///< 0: none
    std::string bundle;
    std::map<std::string, std::string> annotations;
};

/// As JSON, in one line.
std::string to_json_text(const ContainerState& state);

/// Pure. `list` is the member's name ("createRuntime"). @throws Error{invalid}
std::vector<HookStep> plan_hook_steps(const std::vector<oci::spec::Hook>& hooks,
                                      std::string_view list);

/// Runs them in their order in the caller's namespaces, with the state on standard input, and in
/// the bundle's directory when there is one. What they write is part of the error.
/// @throws Error naming the hook: it cannot be executed, has failed, or took too long (and was
/// killed). The later ones are not run then
void run_hooks(const std::vector<oci::spec::Hook>& hooks,
               std::string_view list,
               const ContainerState& state);

/// The same, but a failure is a warning and the next one is run (runtime.md, "Lifecycle").
void run_poststop_hooks(const std::vector<oci::spec::Hook>& hooks,
                        const ContainerState& state) noexcept;

/// A sealed file that holds the text: what hooks of the child read.
sys::UniqueFd make_state_file(const std::string& text);

}  // namespace nau::runtime
