#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/foreground.h"
#include "engine/container/run_container.h"
#include "engine/container/start_container.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/spec/spec_builder.h"
#include "engine/system/record_event.h"
#include "engine/volume/secret.h"
#include "monitor/task_state.h"
#include "oci/runtime_spec.h"
#include "runtime/users.h"
#include "sys/dir_fd.h"
#include "sys/process.h"
#include "sys/random.h"
#include "sys/terminal.h"

namespace nau::engine {

namespace {

struct Target {
    storage::Container record;
    sys::UniqueFd init;
};

Target get_running(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    storage::Container record = get_container(store, id);
    auto init = find_init(store, record.state);
    if (!init) {
        throw Error(ErrorKind::invalid,
                    "container '{}' is not running, it is {}",
                    name_or_id,
                    storage::to_string(actual_state(store, id, record.state).status))
            .with_hint("'nau start' starts it");
    }
    if (record.state.status == storage::ContainerStatus::paused &&
        actual_state(store, id, record.state).status == storage::ContainerStatus::paused) {
        throw Error(
            ErrorKind::invalid, "container '{}' is paused, and nothing can run in it", name_or_id)
            .with_hint("'nau unpause' lets it go on");
    }
    return {.record = std::move(record), .init = *std::move(init)};
}

/// The container's own view of its users: the root of its first process.
runtime::ResolvedUser resolve_exec_user(const sys::ProcessId& init, const std::string& user) {
    const sys::DirFd root = sys::DirFd::open_root(fmt::format("/proc/{}/root", init.pid));
    return runtime::resolve_user(root, user);
}

void merge_environment(const ProcessOptions& options, std::vector<std::string>& env) {
    for (const auto& [name, value] : options.env) {
        std::erase_if(env, [assigned = name + "="](const std::string& entry) {
            return entry.starts_with(assigned);
        });
        env.push_back(fmt::format("{}={}", name, value));
    }
}

oci::spec::Process build_exec_process(const oci::RuntimeSpec& spec,
                                      const ExecOptions& options,
                                      const sys::ProcessId& init) {
    oci::spec::Process process = *spec.process;
    process.args = options.process.command;
    process.terminal = options.process.has_terminal;
    process.console_size.reset();
    if (!options.process.workdir.empty()) {
        process.cwd = options.process.workdir;
    }
    if (!options.process.user.empty()) {
        const auto user = resolve_exec_user(init, options.process.user);
        process.user.uid = user.uid;
        process.user.gid = user.gid;
        process.user.additional_gids = user.additional_gids;
        std::erase_if(process.env,
                      [](const std::string& entry) { return entry.starts_with("HOME="); });
        process.env.push_back("HOME=" + user.home);
        if (process.capabilities) {
            process.capabilities->effective.clear();
            process.capabilities->permitted.clear();
            if (user.uid == 0) {
                process.capabilities->effective = process.capabilities->bounding;
                process.capabilities->permitted = process.capabilities->bounding;
            }
        }
    }
    if (options.is_privileged) {
        process.capabilities = capabilities_of_process(
            combine_capabilities({.is_privileged = true}, sys::own_capabilities().permitted),
            process.user.uid == 0);
        process.no_new_privileges = false;
        process.apparmor_profile.clear();
    }
    if (process.terminal) {
        merge_environment({.env = {{"TERM", "xterm"}}}, process.env);
    }
    merge_environment(options.process, process.env);
    return process;
}

monitor::MonitorConfig make_exec_config(Engine& engine,
                                        const storage::Container& record,
                                        const oci::RuntimeSpec& spec,
                                        const ExecOptions& options) {
    storage::Store& store = engine.store_for_reading();
    monitor::MonitorConfig config;
    config.id = sys::random_hex(32);
    config.namespace_name = record.name_space;
    config.name = record.name;
    config.image = record.image_name;
    config.spec_text = record.spec;
    config.log.driver = monitor::LogDriver::none;
    config.terminal = options.process.has_terminal;
    config.stdin_open = options.process.keeps_stdin;
    config.stdin_once = true;
    config.attach_output = !options.is_detached;
    config.attach_error_output = !options.is_detached;
    const auto task = monitor::read_task_state(store.paths().container_run(record.id));
    config.cgroup_path = task ? task->cgroup_path : spec.linux_.cgroups_path;
    oci::spec::Process process = build_exec_process(spec, options, record.state.init);
    for (auto& variable : secret_environment(engine, parse_container_config(record.config))) {
        process.env.push_back(std::move(variable));
    }
    config.exec = monitor::ExecConfig{.target = record.state.init,
                                      .process_json = json::to_text(oci::to_json(process))};
    if (config.terminal && !options.is_detached && sys::is_terminal(STDIN_FILENO)) {
        config.window = sys::window_size(STDIN_FILENO);
    }
    return config;
}

}  // namespace

ExitStatus exec_container(Engine& engine,
                          const std::string& name_or_id,
                          const ExecOptions& options) {
    if (options.process.command.empty()) {
        throw Error(ErrorKind::invalid, "no command to execute in '{}'", name_or_id);
    }
    monitor::MonitorClient client = spawn_monitor(monitor::MonitorKind::exec);
    const Target target = get_running(engine, name_or_id);
    const oci::RuntimeSpec spec = oci::parse_runtime_spec(target.record.spec);
    std::optional<monitor::AttachSession> session;
    if (!options.is_detached) {
        session.emplace(to_attach_options(options.attach, options.process.has_terminal, false));
    }
    monitor::StartFds fds;
    sys::UniqueFd output;
    sys::UniqueFd error_output;
    if (session && !options.process.has_terminal) {
        output = monitor::direct_output(STDOUT_FILENO);
        error_output = monitor::direct_output(STDERR_FILENO);
        fds.output = output.get();
        fds.error_output = error_output.get();
    }
    fds.preserved = options.preserved_fds;
    check_preserved_fds(options.preserved_fds);
    client.send_start(make_exec_config(engine, target.record, spec, options), fds);
    (void)client.wait_started();
    record_event(engine, container_event(target.record, "exec"));
    return session ? to_exit_status(session->run(client.channel())) : ExitStatus{.code = 0};
}

}  // namespace nau::engine
