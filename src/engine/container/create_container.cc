#include "engine/container/create_container.h"

#include <climits>
#include <span>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/scope_exit.h"
#include "engine/container/container_name.h"
#include "engine/container/container_root.h"
#include "engine/container/lifecycle.h"
#include "engine/container/signals.h"
#include "engine/container/task.h"
#include "engine/container/user_namespace.h"
#include "engine/engine.h"
#include "engine/network/container_network.h"
#include "engine/spec/cdi.h"
#include "engine/spec/devices.h"
#include "engine/spec/spec_builder.h"
#include "engine/system/record_event.h"
#include "engine/volume/secret.h"
#include "engine/volume/volumes.h"
#include "runtime/rootfs.h"
#include "storage/rebuild/copies.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxSeccompProfileBytes = 4U << 20U;
constexpr size_t kMaxAccountFileBytes = 4U << 20U;
constexpr int kNameAttempts = 8;

std::string own_host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    if (::gethostname(name, sizeof(name) - 1) != 0) {
        throw SysError(errno, "gethostname");
    }
    return name;
}

/// The files that the container begins with, read-only, for looking up users and copying into
/// volumes. nullopt: the image has none.
std::optional<sys::DirFd> open_tree(storage::Store& store,
                                    const CreateOptions& options,
                                    const ResolvedImage* image) {
    runtime::RootfsSpec rootfs;
    if (image == nullptr) {
        rootfs.path = options.image;
        rootfs.read_only = true;
        return sys::DirFd(runtime::open_rootfs(rootfs));
    }
    if (!image->chain_id) {
        return std::nullopt;
    }
    rootfs.kind = runtime::RootfsKind::overlay;
    rootfs.read_only = true;
    for (const auto& directory : store.snapshots().lower_dirs(*image->chain_id)) {
        rootfs.lower_dirs.push_back(directory);
    }
    return sys::DirFd(runtime::open_rootfs(rootfs));
}

struct Identity {
    runtime::ResolvedUser user;
    std::vector<uint32_t> further_gids;
};

Identity resolve_identity(const std::optional<sys::DirFd>& tree,
                          const ProcessOptions& process,
                          const oci::ContainerDefaults& defaults) {
    const std::string& user = process.user.empty() ? defaults.user : process.user;
    Identity identity;
    if (!tree) {
        identity.user = runtime::resolve_user_in("", "", user);
        return identity;
    }
    identity.user = runtime::resolve_user(*tree, user);
    for (const auto& group : process.group_add) {
        identity.further_gids.push_back(runtime::resolve_group(*tree, group));
    }
    return identity;
}

/// Lines that the container's passwd and group do not have; none where it has no such files.
AccountLines account_lines(const std::optional<sys::DirFd>& tree,
                           const CreateOptions& options,
                           const oci::ContainerDefaults& defaults,
                           const runtime::ResolvedUser& user) {
    if (!tree || !options.accounts.adds_entries) {
        return {};
    }
    const auto passwd = tree->read_file_in_root_if_exists("/etc/passwd", kMaxAccountFileBytes);
    const auto group = tree->read_file_in_root_if_exists("/etc/group", kMaxAccountFileBytes);
    const std::string workdir =
        options.process.workdir.empty() ? defaults.working_dir : options.process.workdir;
    AccountLines lines = make_account_lines(
        {.options = options.accounts,
         .user = options.process.user.empty() ? defaults.user : options.process.user,
         .resolved = user,
         .workdir = workdir.empty() ? "/" : workdir,
         .passwd_text = passwd ? std::string_view(*passwd) : std::string_view(),
         .group_text = group ? std::string_view(*group) : std::string_view(),
         .host_passwd_text = options.accounts.host_users.empty()
                                 ? ""
                                 : sys::read_file("/etc/passwd", kMaxAccountFileBytes)});
    return {.passwd = passwd ? lines.passwd : "", .group = group ? lines.group : ""};
}

/// The file of the host behind a zone's name.
std::string time_zone_file(const std::string& zone) {
    if (zone.empty()) {
        return {};
    }
    const std::string path =
        zone == "local" ? "/etc/localtime" : fmt::format("/usr/share/zoneinfo/{}", zone);
    const auto status = sys::stat_if_exists(path);
    if (!status || !S_ISREG(status->st_mode)) {
        throw Error(ErrorKind::not_found, "the time zone '{}' has no file '{}'", zone, path)
            .with_hint("the host needs the package tzdata");
    }
    return path;
}

std::optional<oci::spec::Seccomp> read_seccomp_profile(const SecurityOptions& security) {
    if (!security.seccomp_profile || *security.seccomp_profile == "unconfined") {
        return std::nullopt;
    }
    const std::string& path = *security.seccomp_profile;
    return doing([&] { return fmt::format("seccomp profile '{}'", path); },
                 [&] {
                     const auto document =
                         json::parse(sys::read_file(path, kMaxSeccompProfileBytes), path);
                     return oci::seccomp_from_json(document, path);
                 });
}

ContainerConfig make_config(const Engine& engine,
                            const CreateOptions& options,
                            const oci::ContainerDefaults& defaults,
                            const oci::RuntimeSpec& spec,
                            const std::vector<ResolvedMount>& mounts) {
    ContainerConfig config;
    config.command = combine_command(options.process, defaults);
    config.entrypoint =
        options.process.entrypoint ? *options.process.entrypoint : defaults.entrypoint;
    config.user = options.process.user.empty() ? defaults.user : options.process.user;
    config.has_terminal = options.process.has_terminal;
    config.keeps_stdin = options.process.keeps_stdin;
    config.auto_remove = options.auto_remove;
    config.has_init = options.has_init;
    config.init_path = options.has_init ? options.init_path : "";
    config.is_systemd = runs_systemd(options, defaults);
    config.rootfs = options.has_rootfs ? options.image : "";
    config.is_privileged = options.security.is_privileged;
    const std::string& wanted_signal =
        options.stop_signal.empty() ? defaults.stop_signal : options.stop_signal;
    config.stop_signal = !wanted_signal.empty() ? signal_name(parse_signal(wanted_signal))
                         : config.is_systemd    ? "SIGRTMIN+3"
                                                : "SIGTERM";
    config.stop_timeout_seconds = options.stop_timeout.count();
    config.restart_policy = options.restart_policy;
    config.sdnotify = options.sdnotify;
    config.health = make_health_config(options.health, defaults.healthcheck);
    if (config.sdnotify == "healthy" && (!config.health || config.health->check.argv.empty())) {
        throw Error(ErrorKind::invalid, "--sdnotify=healthy needs a health check")
            .with_hint("--health-cmd gives one; the image has none");
    }
    config.network_mode = options.network.mode;
    config.pid_mode = options.pid_mode;
    config.ipc_mode = options.ipc_mode;
    config.uts_mode = options.uts_mode;
    config.cgroupns_mode = options.cgroupns_mode;
    config.userns_mode = options.user_namespace.mode.empty() && !spec.linux_.uid_mappings.empty()
                             ? "private"
                             : options.user_namespace.mode;
    config.pid_file = options.pid_file;
    config.monitor_pid_file = options.monitor_pid_file;
    config.timeout_seconds = options.timeout.value_or(std::chrono::seconds(0)).count();
    config.removes_image = options.removes_image;
    config.hosts_file = options.network.hosts_file;
    config.host_name = spec.hostname.empty() ? own_host_name() : spec.hostname;
    config.add_hosts = options.network.add_hosts;
    config.dns_servers = options.network.dns_servers;
    config.dns_search = options.network.dns_search;
    config.dns_options = options.network.dns_options;
    config.log_driver = options.log.driver;
    config.log_max_size_bytes =
        options.log.max_size_bytes.value_or(engine.options().log_max_size_bytes);
    config.log_max_files = options.log.max_files.value_or(engine.options().log_max_files);
    config.log_tag = options.log.tag;
    config.log_compresses = options.log.compresses;
    config.log_options = options.log.given;
    config.cap_add = options.security.cap_add;
    config.cap_drop = options.security.cap_drop;
    config.workdir = spec.process->cwd;
    for (const auto& mount : mounts) {
        config.mounts.push_back(describe_mount(mount));
    }
    return config;
}

storage::Container make_record(const Engine& engine,
                               const storage::ContainerId& id,
                               const CreateOptions& options,
                               const ResolvedImage* image,
                               const ContainerConfig& config,
                               const oci::RuntimeSpec& spec) {
    storage::Container record{storage::ContainerSummary{.id = id,
                                                        .name_space = engine.name_space(),
                                                        .name = options.name,
                                                        .image_name = {},
                                                        .image_id = {},
                                                        .command = config.command,
                                                        .created = engine.clock().now(),
                                                        .auto_remove = options.auto_remove,
                                                        .networks = {},
                                                        .mounts = {},
                                                        .labels = {},
                                                        .state = {}}};
    if (image != nullptr) {
        record.image_name = image->name;
        record.image_id = image->image_id;
        record.manifest_digest = image->manifest_digest;
        record.labels = image->config.config.labels;
    }
    for (const auto& [key, value] : options.labels) {
        record.labels[key] = value;
    }
    for (const auto& mount : config.mounts) {
        record.mounts.push_back(mount.destination);
    }
    for (const auto& network : config.networks) {
        record.networks.push_back(network.name);
    }
    if (options.network.mode.find(':') != std::string::npos) {
        record.networks.push_back(options.network.mode);
    }
    record.snapshot_key = id.to_string();
    record.config = to_json_text(config);
    record.spec = json::to_text(oci::to_json(spec));
    return record;
}

uint64_t random_number() {
    uint64_t number = 0;
    sys::fill_random(std::as_writable_bytes(std::span(&number, 1)));
    return number;
}

/// Made-up names may be taken; then another one is drawn.
void choose_name(Engine& engine, storage::Container& record) {
    auto& containers = engine.store_for_writing().records().containers;
    for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
        record.name = make_container_name(random_number());
        if (!containers.find_by_name(engine.name_space(), record.name)) {
            return;
        }
    }
    record.name = fmt::format("{}_{}", record.name, record.id.short_id());
}

storage::Snapshot write_record(Engine& engine,
                               const storage::Container& record,
                               const ContainerConfig& config,
                               const ResolvedImage* image,
                               const std::vector<ResolvedMount>& mounts,
                               storage::Durability durability) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    store.records().namespaces.ensure(tx, engine.name_space(), record.created);
    store.records().containers.create(tx, record);
    if (const std::string ports = port_text(config.ports); !ports.empty()) {
        store.records().networks.set_ports(tx, record.id, ports);
    }
    storage::Snapshot snapshot = store.snapshots().prepare(
        tx, storage::SnapshotKey(record.id), image != nullptr ? image->chain_id : std::nullopt, {});
    record_volumes(engine, tx, record.id, mounts);
    keep_image_layers(engine, tx, record.id, mounts);
    tx.commit(durability);
    return snapshot;
}

/// For a lost database. What --rm removes at its end is not worth it.
void copy_record(storage::Store& store,
                 const storage::Container& record,
                 const storage::Snapshot& snapshot,
                 const std::vector<ResolvedMount>& mounts) {
    storage::ContainerCopy copy{
        .container = record, .snapshot_number = snapshot.number, .parent = snapshot.parent};
    for (const auto& mount : mounts) {
        if (!mount.volume.empty()) {
            copy.volumes.push_back(mount.volume);
        }
    }
    storage::write_container_copy(store.paths(), copy);
}

}  // namespace

CreatedContainer create_record(Engine& engine,
                               const CreateOptions& asked,
                               const ResolvedImage* image,
                               storage::Durability durability) {
    storage::Store& store = engine.store_for_writing();
    CreateOptions options = asked;
    const oci::ContainerDefaults no_defaults;
    const auto& defaults = image != nullptr ? image->config.config : no_defaults;
    if (image == nullptr) {
        check_rootfs(options.image);
    }
    ContainerConfig network_config;
    resolve_network(engine, defaults.exposed_ports, options.network, network_config);
    if (!options.name.empty()) {
        check_container_name(options.name);
    }
    if (options.replaces && !options.name.empty()) {
        if (store.records().containers.find_by_name(engine.name_space(), options.name)) {
            remove_container(engine, options.name, {.is_forced = true, .timeout = {}});
        }
    }
    const auto id = storage::ContainerId::generate();
    const std::optional<sys::DirFd> tree = open_tree(store, options, image);
    Identity identity = resolve_identity(tree, options.process, defaults);
    auto mounts = resolve_mounts(engine, options, defaults);
    place_overlays(mounts, store.paths().container_directory(id) / "overlays");
    ScopeExit free_ids([&]() noexcept { release_user_namespace(store, id); });
    const AccountLines accounts = account_lines(tree, options, defaults, identity.user);
    const SpecInputs inputs{
        .id = id.to_string(),
        .options = options,
        .defaults = defaults,
        .user = std::move(identity.user),
        .further_gids = std::move(identity.further_gids),
        .mounts = mounts,
        .devices = resolve_devices(options),
        .block_io = resolve_block_io(options.resources.block_io),
        .time_zone_file = time_zone_file(options.time_zone),
        .etc_directory = store.paths().container_run(id),
        .host_name_of_host = own_host_name(),
        .host_has_mqueue = sys::file_exists("/dev/mqueue"),
        .available_capabilities = sys::own_capabilities().permitted,
        .custom_seccomp = read_seccomp_profile(options.security),
        .user_namespace = resolve_user_namespace(engine, id, options.user_namespace),
        .adds_passwd = !accounts.passwd.empty(),
        .adds_group = !accounts.group.empty()};
    oci::RuntimeSpec spec = build_runtime_spec(inputs);
    apply_cdi_edits(find_cdi_edits(options.cdi_devices), spec);
    ContainerConfig config = make_config(engine, options, defaults, spec, mounts);
    config.passwd_lines = accounts.passwd;
    config.group_lines = accounts.group;
    if (options.rootfs_is_overlay) {
        config.rootfs_overlay = store.paths().container_directory(id) / "rootfs";
    }
    for (const auto& secret : options.secrets) {
        config.secrets.push_back({.secret = get_secret(engine, secret.secret).name,
                                  .target = secret.target,
                                  .is_variable = secret.is_variable,
                                  .uid = secret.uid,
                                  .gid = secret.gid,
                                  .mode = secret.mode});
    }
    config.networks = network_config.networks;
    config.ports = network_config.ports;
    config.exposed_ports = network_config.exposed_ports;
    for (const auto& name : options.required_containers) {
        config.required_containers.push_back(find_container(engine, name).to_string());
    }
    CreatedContainer created{.record = make_record(engine, id, options, image, config, spec),
                             .config = config};
    if (options.name.empty()) {
        choose_name(engine, created.record);
    }
    const auto snapshot = write_record(engine, created.record, config, image, mounts, durability);
    free_ids.release();
    store.snapshots().make_directories(snapshot);
    if (image != nullptr) {
        store.content().note_use(image->image_id);
    }
    if (!options.auto_remove) {
        copy_record(store, created.record, snapshot, mounts);
    }
    if (tree) {
        fill_volumes(engine, *tree, mounts);
    }
    give_sources(mounts, inputs.user_namespace, inputs.user.uid, inputs.user.gid);
    record_event(engine,
                 {.action = "create",
                  .id = id.to_string(),
                  .name = created.record.name,
                  .image = created.record.image_name,
                  .attributes = created.record.labels});
    return created;
}

}  // namespace nau::engine
