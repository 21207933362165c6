#pragma once

// The stages that a process walks through on its way to exec. init_process.cc and exec_process.cc
// say in which order, and why.

#include "runtime/child/context.h"

namespace nau::runtime::child {

// namespaces.cc
void join_groups(Context& c) noexcept;
void die_with_parent(const Context& c) noexcept;
/// Waits for the parent; ends the process when it has gone, or has failed and said why itself.
void await_proceed(const Context& c) noexcept;
void join_namespaces(Context& c, const InitPlan& plan) noexcept;
/// The same around a user namespace: before it what only the host's privileges can join, after it
/// what only its own can.
void join_namespaces_and_user(Context& c, const InitPlan& plan) noexcept;
void become_root_of_namespace(Context& c) noexcept;
/// Tells the parent that namespaces and mounts are there, and waits until it has done its part.
void await_environment(Context& c) noexcept;
void enter_user_namespace(Context& c, const InitPlan& plan) noexcept;
void bring_up_loopback(Context& c, const InitPlan& plan) noexcept;

// root.cc
void attach_root(Context& c, const InitPlan& plan) noexcept;
void enter_root(Context& c) noexcept;
void finish_root(Context& c, const InitPlan& plan) noexcept;

// mounts.cc, devices.cc
void make_revealing_mounts(Context& c, const InitPlan& plan) noexcept;
void make_mounts(Context& c, const InitPlan& plan) noexcept;
void make_other_devices(Context& c, const InitPlan& plan) noexcept;

// procfs.cc
void set_names(Context& c, const InitPlan& plan) noexcept;
void ensure_procfs(Context& c, const InitPlan& plan) noexcept;
void write_sysctls(Context& c, const InitPlan& plan) noexcept;

// masks.cc
void mask_paths(Context& c, const InitPlan& plan) noexcept;
void make_paths_read_only(Context& c, const InitPlan& plan) noexcept;

// terminal.cc
void open_terminal(Context& c) noexcept;
void bind_console(Context& c, const InitPlan& plan) noexcept;
void take_terminal(Context& c) noexcept;

// limits.cc
void set_limits(Context& c) noexcept;
void set_affinity(Context& c, const std::vector<unsigned long>& mask) noexcept;
void join_keyring(Context& c, const char* name) noexcept;

// hooks.cc
void run_create_hooks(Context& c) noexcept;
void run_start_hooks(Context& c) noexcept;

// confine.cc
/// What an init process and an exec session have in common: descriptors, user, capabilities,
/// working directory, system call filter.
void confine(Context& c) noexcept;
/// The part of it that was left for the last moment (InitPlan::filters_last).
void load_filter_last(Context& c) noexcept;

// command.cc, reaper.cc
void wait_for_start(Context& c) noexcept;
/// Forks the command off; process 1 does not return.
void become_reaper(Context& c) noexcept;
[[noreturn]] void start_process(Context& c) noexcept;

}  // namespace nau::runtime::child
