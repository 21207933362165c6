#include "engine/oci_runtime/exec_process.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/oci_runtime/cgroup_path.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/foreground.h"
#include "engine/oci_runtime/launch_words.h"
#include "engine/oci_runtime/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/exec.h"
#include "runtime/users.h"
#include "sys/file.h"
#include "sys/prctl.h"

namespace nau::engine::oci_runtime {

namespace cgroup = runtime::cgroup;

namespace {

constexpr size_t kMaxProcess = 16 * 1024 * 1024;

void check_joinable(const ContainerState& state, Status status, bool ignores_pause) {
    if (status == Status::running || status == Status::created ||
        (status == Status::paused && ignores_pause)) {
        return;
    }
    if (status == Status::paused) {
        throw Error(ErrorKind::invalid, "cannot exec in a paused container: '{}'", state.id)
            .with_hint("--ignore-paused lets it wait there for 'resume'");
    }
    throw Error(ErrorKind::invalid,
                "cannot exec in a container that is {}: container not running: '{}'",
                to_string(status),
                state.id);
}

/// The container's root as its first process sees it, mounts included.
sys::DirFd open_container_root(const ContainerState& state) {
    sys::DirFd root = sys::DirFd::open_root(fmt::format("/proc/{}/root", state.init.pid));
    if (!find_init(state)) {  // the number may have become another's before the open
        throw Error(ErrorKind::not_found, "container not running: '{}'", state.id);
    }
    return root;
}

void add_capabilities(oci::spec::Process& process, const std::vector<std::string>& names) {
    if (names.empty()) {
        return;
    }
    if (!process.capabilities) {
        process.capabilities.emplace();
    }
    auto& sets = *process.capabilities;
    for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted}) {
        for (const std::string& name : names) {
            if (std::find(set->begin(), set->end(), name) == set->end()) {
                set->push_back(name);
            }
        }
    }
}

oci::spec::Process from_flags(const ExecOptions& options,
                              const oci::RuntimeSpec& spec,
                              const sys::DirFd& root) {
    oci::spec::Process process = spec.process.value_or(oci::spec::Process{});
    process.args = options.args;
    process.terminal = options.has_terminal;
    process.console_size.reset();
    process.env.insert(process.env.end(), options.env.begin(), options.env.end());
    if (!options.cwd.empty()) {
        process.cwd = options.cwd;
    }
    if (!options.user.empty()) {
        const runtime::ResolvedUser user = runtime::resolve_user(root, options.user);
        process.user.uid = user.uid;
        process.user.gid = user.gid;
        process.user.additional_gids = {};
        std::erase_if(process.env, [](const auto& e) { return e.starts_with("HOME="); });
    }
    auto& gids = process.user.additional_gids;
    gids.insert(gids.end(), options.additional_gids.begin(), options.additional_gids.end());
    process.no_new_privileges = process.no_new_privileges || options.no_new_privileges;
    process.apparmor_profile = options.apparmor_profile.value_or(process.apparmor_profile);
    process.selinux_label = options.selinux_label.value_or(process.selinux_label);
    add_capabilities(process, options.capabilities);
    return process;
}

oci::spec::Process choose_process(const ExecOptions& options,
                                  const oci::RuntimeSpec& spec,
                                  const sys::DirFd& root) {
    if (options.process_file.empty()) {
        return from_flags(options, spec, root);
    }
    const std::string text = sys::read_file(options.process_file, kMaxProcess);
    oci::spec::Process process =
        oci::process_from_json(json::parse(text, options.process_file), options.process_file);
    process.terminal = process.terminal || options.has_terminal;
    if (process.args.empty()) {
        throw Error(ErrorKind::invalid, "{}: args: is missing or empty", options.process_file);
    }
    return process;
}

std::unique_ptr<cgroup::CgroupManager> choose_groups(const ContainerState& state,
                                                     const std::string& below) {
    if (below.empty() || state.cgroup_path.empty()) {
        return open_groups(state);
    }
    if (below.find(':') != std::string::npos) {
        throw Error(ErrorKind::unsupported,
                    "--cgroup '{}': a group of a single controller cannot be named",
                    below);
    }
    auto groups =
        cgroup::open_cgroup(cgroup::detect_layout(), state.cgroup_path + clean_cgroup_path(below));
    if (!groups->exists()) {
        throw Error(ErrorKind::not_found, "--cgroup '{}': there is no such group", below);
    }
    return groups;
}

}  // namespace

int exec_process(const ExecOptions& options) {
    const ContainerDir directory(options.root, options.id);
    const ContainerState state = directory.read_state();
    check_joinable(state, find_status(directory, state), options.ignores_pause);
    const oci::RuntimeSpec spec = directory.read_spec();
    const sys::DirFd root = open_container_root(state);
    oci::spec::Process process = choose_process(options, spec, root);
    check_terminal(options.io, process.terminal);
    const std::vector<int> preserved = preserved_fds(options.io, process);
    add_home(process, root);
    const auto groups = choose_groups(state, options.cgroup);

    runtime::ExecOptions exec;
    exec.target = state.init;
    exec.id = options.id;
    exec.process = &process;
    exec.spec = &spec;
    exec.stdio = own_stdio(spec, process);
    exec.preserved_fds = preserved;
    exec.cgroup = groups.get();

    if (options.io.is_detached) {
        runtime::LaunchedTask task =
            in_engine_words(process, [&] { return runtime::exec_in(exec); });
        if (!options.io.console_socket.empty()) {
            send_console(options.io.console_socket, task.console.get());
        }
        if (!options.io.pid_file.empty()) {
            write_pid_file(options.io.pid_file, task.pid);
        }
        return 0;
    }
    if (options.is_subreaper) {
        sys::set_child_subreaper(true);
    }
    Foreground foreground;
    foreground.block_signals();
    runtime::LaunchedTask task = in_engine_words(process, [&] { return runtime::exec_in(exec); });
    if (!options.io.pid_file.empty()) {
        write_pid_file(options.io.pid_file, task.pid);
    }
    return foreground.watch(std::move(task));
}

}  // namespace nau::engine::oci_runtime
