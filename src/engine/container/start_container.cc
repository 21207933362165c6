#include "engine/container/start_container.h"

#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/assert.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/scope_exit.h"
#include "engine/container/container_log.h"
#include "engine/container/container_root.h"
#include "engine/container/own_command.h"
#include "engine/container/service_start.h"
#include "engine/container/signals.h"
#include "engine/container/supervision.h"
#include "engine/container/task.h"
#include "engine/container/user_namespace.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/network/container_network.h"
#include "engine/volume/secret.h"
#include "engine/volume/volumes.h"
#include "monitor/protocol.h"
#include "oci/runtime_spec.h"
#include "runtime/id_maps.h"
#include "runtime/rootfs.h"
#include "runtime/self_exe.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/file_identity.h"
#include "sys/mount.h"
#include "sys/namespace.h"
#include "sys/terminal.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxEtcFileBytes = 1U << 20U;

runtime::RootfsSpec to_rootfs_spec(const storage::MountSpec& mount, bool is_volatile) {
    runtime::RootfsSpec rootfs;
    if (mount.kind == storage::MountKind::bind) {
        rootfs.kind = runtime::RootfsKind::directory;
        rootfs.path = mount.upper.empty() ? mount.lower_dirs.front() : mount.upper;
        return rootfs;
    }
    rootfs.kind = runtime::RootfsKind::overlay;
    for (const auto& directory : mount.lower_dirs) {
        rootfs.lower_dirs.push_back(directory);
    }
    rootfs.upper = mount.upper;
    rootfs.work = mount.work;
    rootfs.is_volatile = is_volatile;
    return rootfs;
}

/// What --hosts-file says: a file of the host, "none", or "image" for the container's own.
std::string read_base_hosts(const std::string& file, int rootfs_fd) {
    if (file.empty() || file == "none") {
        return {};
    }
    if (file == "image") {
        const sys::DirFd root(sys::UniqueFd(::fcntl(rootfs_fd, F_DUPFD_CLOEXEC, 3)));
        return root.read_file_in_root_if_exists("/etc/hosts", kMaxEtcFileBytes).value_or("");
    }
    return sys::read_file(file, kMaxEtcFileBytes);
}

/// Docker makes a working directory that is missing; so do we, inside the root.
void ensure_working_directory(int rootfs_fd, const std::string& path, const UserNamespace& users) {
    if (path == "/") {
        return;
    }
    const sys::DirFd root(sys::UniqueFd(::fcntl(rootfs_fd, F_DUPFD_CLOEXEC, 3)));
    if (!root.stat_in_root(path)) {
        doing([&] { return fmt::format("making the working directory '{}'", path); },
              [&] {
                  std::optional<sys::FileIdentity> identity;
                  if (!users.is_host()) {
                      identity.emplace(map_id(users.uids, 0).value_or(0),
                                       map_id(users.gids, 0).value_or(0));
                  }
                  (void)root.mkdir_all_in_root(path, 0755);
              });
    }
}

std::string joined_namespace(Engine& engine, const std::string& mode, const char* kind) {
    const std::string name = mode.substr(std::string_view("container:").size());
    storage::Store& store = engine.store_for_writing();
    const auto id = find_container(engine, name);
    const auto other = find_summary(store, id);
    if (!other || !find_init(store, other->state)) {
        throw Error(ErrorKind::invalid,
                    "container '{}', whose {} is to be shared, is not running",
                    name,
                    kind);
    }
    return fmt::format("/proc/{}/ns/{}", other->state.init.pid, kind);
}

/// The paths of namespaces that are shared with another container are known only now.
std::string complete_spec(Engine& engine,
                          const StartRequest& request,
                          const ServiceStart& service) {
    struct Join {
        const std::string& mode;
        const char* type;
        const char* file;
    };
    const ContainerConfig& config = request.config;
    std::optional<oci::RuntimeSpec> spec;
    for (const auto& join : {Join{config.network_mode, "network", "net"},
                             Join{config.pid_mode, "pid", "pid"},
                             Join{config.ipc_mode, "ipc", "ipc"},
                             Join{config.uts_mode, "uts", "uts"},
                             Join{config.cgroupns_mode, "cgroup", "cgroup"},
                             Join{config.userns_mode, "user", "user"}}) {
        if (!join.mode.starts_with("container:")) {
            continue;
        }
        if (!spec) {
            spec = oci::parse_runtime_spec(request.record.spec);
        }
        for (auto& name_space : spec->linux_.namespaces) {
            if (name_space.type == join.type) {
                name_space.path = joined_namespace(engine, join.mode, join.file);
            }
        }
    }
    if (auto variables = secret_environment(engine, config); !variables.empty()) {
        if (!spec) {
            spec = oci::parse_runtime_spec(request.record.spec);
        }
        auto& env = spec->process->env;
        env.insert(env.end(), variables.begin(), variables.end());
    }
    if (service.changes_spec()) {
        if (!spec) {
            spec = oci::parse_runtime_spec(request.record.spec);
        }
        service.complete(*spec);
    }
    return spec ? json::to_text(oci::to_json(*spec)) : request.record.spec;
}

runtime::RootfsSpec rootfs_spec_of(storage::Store& store, const storage::Container& record) {
    auto rootfs = to_rootfs_spec(root_of_container(store, record), record.auto_remove);
    rootfs.mounted_at = store.paths().container_mount(record.id).string();
    return rootfs;
}

/// What the record says of ids outside.
UserNamespace user_namespace_of(const storage::Container& record, const ContainerConfig& config) {
    if (config.userns_mode.empty()) {
        return {};
    }
    const oci::RuntimeSpec spec = oci::parse_runtime_spec(record.spec);
    UserNamespace users{
        .uids = spec.linux_.uid_mappings, .gids = spec.linux_.gid_mappings, .path = {}};
    for (const auto& name_space : spec.linux_.namespaces) {
        if (name_space.type == "user") {
            users.path = name_space.path;
        }
    }
    return users;
}

/// The root as the container sees it.
runtime::RootfsSpec mapped_rootfs_spec(storage::Store& store,
                                       const storage::Container& record,
                                       const UserNamespace& users) {
    runtime::RootfsSpec rootfs = rootfs_spec_of(store, record);
    rootfs.uid_map = runtime::id_map_text(users.uids);
    rootfs.gid_map = runtime::id_map_text(users.gids);
    return rootfs;
}

/// Root of the container's user namespace may change the network that belongs to it.
sys::UniqueFd make_network_namespace(Engine& engine,
                                     const StartRequest& request,
                                     const UserNamespace& users) {
    if (users.is_host()) {
        return {};
    }
    std::string path = users.path;
    if (request.config.userns_mode.starts_with("container:")) {
        path = joined_namespace(engine, request.config.userns_mode, "user");
    }
    if (path.empty()) {
        return runtime::make_network_namespace({.uids = users.uids,
                                                .gids = users.gids,
                                                .of_joined_namespace = false,
                                                .member = "the user namespace"});
    }
    const auto fd = sys::open_namespace(path, sys::NamespaceKind::user);
    return runtime::make_network_namespace_in(fd.get());
}

monitor::MonitorConfig make_monitor_config(Engine& engine,
                                           const StartRequest& request,
                                           const UserNamespace& users,
                                           const ServiceStart& service) {
    storage::Store& store = engine.store_for_writing();
    const auto& record = request.record;
    const ContainerConfig& config = request.config;
    monitor::MonitorConfig monitor_config;
    monitor_config.id = record.id.to_string();
    monitor_config.namespace_name = record.name_space;
    monitor_config.name = record.name;
    monitor_config.image = record.image_name;
    monitor_config.attributes = record.labels;
    monitor_config.run_dir = store.paths().container_run(record.id);
    monitor_config.spec_text = complete_spec(engine, request, service);
    monitor_config.bundle = monitor_config.run_dir;
    monitor_config.log = make_log_config(store.paths(), record, config);
    monitor_config.terminal = config.has_terminal;
    monitor_config.stdin_open = config.keeps_stdin && !passes_streams_through(config);
    monitor_config.stdin_once = request.attach && request.attach->has_stdin;
    monitor_config.init = config.has_init && config.init_path.empty();
    monitor_config.attach_output = request.attach && request.attach->has_stdout;
    monitor_config.attach_error_output = request.attach && request.attach->has_stderr;
    monitor_config.stop_signal = parse_signal(config.stop_signal);
    monitor_config.pid_file = config.pid_file;
    monitor_config.monitor_pid_file = config.monitor_pid_file;
    if (config.timeout_seconds > 0) {
        monitor_config.timeout = std::chrono::seconds(config.timeout_seconds);
    }
    add_supervision(monitor_config, config, mapped_rootfs_spec(store, record, users));
    monitor_config.journal_path = store.paths().journal();
    monitor_config.cleanup_command =
        own_command_line(engine, {"container", "cleanup", record.id.to_string()});
    if (config.has_terminal && request.attach && sys::is_terminal(STDIN_FILENO)) {
        monitor_config.window = sys::window_size(STDIN_FILENO);
    }
    return monitor_config;
}

storage::ContainerState write_running(Engine& engine,
                                      const StartRequest& request,
                                      const monitor::StartReply& reply) {
    storage::Store& store = engine.store_for_writing();
    storage::ContainerState state;
    state.status = storage::ContainerStatus::running;
    state.init = reply.init;
    state.monitor = reply.monitor;
    state.boot_id = store.boot_id();
    state.started_at = reply.started_at;
    storage::Transaction tx(store.db());
    store.records().containers.set_state(tx, request.record.id, state);
    tx.commit(request.config.auto_remove ? storage::Durability::relaxed
                                         : storage::Durability::durable);
    return state;
}

}  // namespace

monitor::MonitorClient spawn_monitor(monitor::MonitorKind kind) {
    const sys::UniqueFd self = runtime::open_protected_self();
    return monitor::MonitorClient::spawn(self.get(), kind);
}

void check_preserved_fds(const std::vector<int>& fds) {
    for (const int fd : fds) {
        if (::fcntl(fd, F_GETFD) < 0) {
            throw Error(
                ErrorKind::invalid, "descriptor {} is not open, so it cannot be passed on", fd)
                .with_hint("--preserve-fds counts from descriptor 3");
        }
    }
}

sys::UniqueFd open_container_rootfs(storage::Store& store, const storage::Container& record) {
    const auto rootfs = rootfs_spec_of(store, record);
    if (sys::is_mount_point(rootfs.mounted_at) &&
        !parse_container_config(record.config).userns_mode.empty()) {
        throw Error(
            ErrorKind::in_use,
            "the root file system of {} is mounted at {} with the ids of its user namespace",
            record.name,
            rootfs.mounted_at)
            .with_hint(fmt::format("'nau unmount {}' first", record.name));
    }
    return runtime::open_rootfs(rootfs);
}

namespace {

/// A power cut or a lost database may have taken layers away; their blobs are durable.
sys::UniqueFd open_rootfs_or_unpack(Engine& engine,
                                    const storage::Container& record,
                                    const UserNamespace& users) {
    storage::Store& store = engine.store_for_writing();
    try {
        return runtime::open_rootfs(mapped_rootfs_spec(store, record, users));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found || !record.manifest_digest || !record.image_id) {
            throw;
        }
    }
    unpack_layers(engine, *record.manifest_digest, *record.image_id);
    return runtime::open_rootfs(mapped_rootfs_spec(store, record, users));
}

}  // namespace

sys::UniqueFd open_outer_rootfs(Engine& engine,
                                const storage::Container& record,
                                const ContainerConfig& config) {
    return open_rootfs_or_unpack(engine, record, user_namespace_of(record, config));
}

StartedTask start_task(Engine& engine,
                       const storage::ContainerLock& lock,
                       monitor::MonitorClient& client,
                       const StartRequest& request) {
    NAU_ASSERT(lock.id() == request.record.id);
    check_own_streams(request.config);
    storage::Store& store = engine.store_for_writing();
    const ServiceStart service(
        request.service, request.config, store.paths().container_run(request.record.id));
    const UserNamespace users = user_namespace_of(request.record, request.config);
    const sys::UniqueFd rootfs = open_rootfs_or_unpack(engine, request.record, users);
    ensure_working_directory(rootfs.get(), request.config.workdir, users);
    ScopeExit undo([&]() noexcept {
        try {
            const auto run_dir = store.paths().container_run(request.record.id);
            if (sys::file_exists(monitor::run_lock_path(run_dir))) {
                remove_left_cgroup(store, request.record.id);
            }
            sys::remove_tree(run_dir);
        } catch (const Error& error) {
            NAU_LOG_WARN("removing the run directory: {}, ignoring", error.text());
        }
    });
    sys::make_directories(store.paths().container_run(request.record.id), 0700);
    write_secret_files(
        engine, request.config, store.paths().container_run(request.record.id).string());
    renew_overlays(request.config);
    std::optional<ConnectedNetwork> network;
    if (request.config.network_mode == "bridge") {
        network::KeeperClient keeper(store.paths().networks());
        network.emplace(ConnectedNetwork::make(engine,
                                               lock,
                                               request.record,
                                               request.config,
                                               keeper,
                                               make_network_namespace(engine, request, users)));
    }
    write_etc_files(store,
                    request.record,
                    request.config,
                    network ? std::optional(network->attachment()) : std::nullopt,
                    read_base_hosts(request.config.hosts_file, rootfs.get()));
    write_account_files(
        store.paths().container_run(request.record.id), request.config, rootfs.get());
    if (!users.is_host()) {
        give_files_to_namespace(store.paths().container_run(request.record.id).string(), users);
    }
    monitor::StartFds fds{.rootfs = rootfs.get()};
    if (network) {
        fds.network_namespace = network->namespace_fd();
    }
    sys::UniqueFd output;
    sys::UniqueFd error_output;
    if (passes_streams_through(request.config)) {
        fds.input = STDIN_FILENO;
        fds.output = STDOUT_FILENO;
        fds.error_output = STDERR_FILENO;
    } else if (request.attach && !request.config.has_terminal) {
        if (request.attach->has_stdout) {
            output = monitor::direct_output(STDOUT_FILENO);
            fds.output = output.get();
        }
        if (request.attach->has_stderr) {
            error_output = monitor::direct_output(STDERR_FILENO);
            fds.error_output = error_output.get();
        }
    }
    fds.preserved = service.descriptors(request.preserved_fds);
    check_preserved_fds(fds.preserved);
    auto monitor_config = make_monitor_config(engine, request, users, service);
    service.configure(monitor_config, fds);
    client.send_start(monitor_config, fds);
    const monitor::StartReply reply = client.wait_started();
    undo.release();
    if (network) {
        network->commit();
    }
    const storage::ContainerState state = write_running(engine, request, reply);
    service.tell_started(reply.monitor.pid);
    return {.reply = reply, .state = state};
}

}  // namespace nau::engine
