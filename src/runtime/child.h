#pragma once

// The code that runs in the new process. It may call nothing but sys/raw.h, reads the plan, and
// never returns.

#include <cstddef>
#include <cstdint>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/plan.h"

namespace nau::runtime {

/// A hook as execve takes it.
struct HookInputs {
    const char* path = nullptr;
    char* const* argv = nullptr;
    char* const* env = nullptr;
    int64_t timeout_s = 0;  ///< 0: none
};

/// What the parent has opened and laid out for the child. All borrowed from the copy of the
/// parent's memory and descriptors that the child has.
struct ChildInputs {
    int sync = -1;
    /// The parent's end of it, to be closed: as long as the child has it too, it does not hear that
    /// the parent has ended.
    int parent_sync = -1;
    int stdio[3] = {-1, -1, -1};
    const int* preserved = nullptr;
    size_t preserved_count = 0;
    /// tasks files of the v1 hierarchies.
    const int* cgroup_tasks = nullptr;
    size_t cgroup_tasks_count = 0;
    char* const* argv = nullptr;
    char* const* env = nullptr;
    bool kill_with_parent = false;

    // launch
    int rootfs = -1;
    const int* sources = nullptr;     ///< as InitPlan::sources
    const int* namespaces = nullptr;  ///< as InitPlan::namespaces; -1: the parent's business
    const int* id_maps = nullptr;     ///< user namespaces, as InitPlan::id_maps
    int start_fifo = -1;
    /// The parent answers `environment` with `proceed`.
    bool awaits_environment = false;
    const HookInputs* create_hooks = nullptr;
    size_t create_hook_count = 0;
    const HookInputs* start_hooks = nullptr;
    size_t start_hook_count = 0;
    int hook_state = -1;        ///< for createContainer, written before `proceed`
    int start_hook_state = -1;  ///< for startContainer
    int hook_output = -1;       ///< takes what they write
    const char* hook_directory = "/";
    /// Joins the user namespace of the plan first and forks what run_init_child() describes.
    bool joins_user_namespace = false;
    uint64_t clone_flags = 0;  ///< for that fork
    /// The soft limit of open files that the parent had before it opened all this.
    const rlimit* open_files = nullptr;
    bool awaits_record = false;  ///< the parent answers `waiting` with `proceed`
    /// For the reaper: nau's own command line in memory, which it wipes.
    char* own_arguments = nullptr;
    size_t own_arguments_size = 0;

    // exec
    int target_pidfd = -1;
    int target_namespaces = 0;  ///< CLONE_NEW*
    const char* keyring_name = nullptr;
};

[[noreturn]] void run_init_child(const InitPlan& plan, const ChildInputs& inputs) noexcept;
/// For tasks in a user namespace that exists already: its namespaces are made from inside.
[[noreturn]] void run_joining_child(const InitPlan& plan, const ChildInputs& inputs) noexcept;
[[noreturn]] void run_exec_child(const ProcessPlan& process, const ChildInputs& inputs) noexcept;

}  // namespace nau::runtime
