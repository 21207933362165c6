#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/network/resolver_options.h"
#include "engine/spec/spec_parts.h"

namespace nau::engine {

namespace {

using oci::spec::Mount;

Mount system_mount(const char* type,
                   const char* source,
                   const char* destination,
                   std::vector<std::string> options) {
    return Mount{.destination = destination,
                 .type = type,
                 .source = source,
                 .options = std::move(options),
                 .uid_mappings = {},
                 .gid_mappings = {}};
}

/// What the kernel does not mount anew in a user namespace, because what it shows belongs to
/// another one.
Mount bind_of_host(const char* path, std::vector<std::string> options) {
    options.insert(options.begin(), "rbind");
    return system_mount("bind", path, path, std::move(options));
}

std::vector<Mount> build_system_mounts(const SpecInputs& inputs) {
    const CreateOptions& options = inputs.options;
    const bool has_own_users = !inputs.user_namespace.is_host();
    const auto is_foreign = [&](std::string_view mode) {
        return has_own_users && (is_host_mode(mode) || joins_another(mode));
    };
    const bool is_privileged = options.security.is_privileged;
    const std::string access = is_privileged ? "rw" : "ro";
    std::vector<Mount> mounts;
    std::vector<std::string> proc_options = {"nosuid", "noexec", "nodev"};
    proc_options.insert(proc_options.end(),
                        options.security.proc_options.begin(),
                        options.security.proc_options.end());
    mounts.push_back(is_foreign(options.pid_mode)
                         ? bind_of_host("/proc", std::move(proc_options))
                         : system_mount("proc", "proc", "/proc", std::move(proc_options)));
    mounts.push_back(system_mount(
        "tmpfs", "tmpfs", "/dev", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"}));
    mounts.push_back(
        system_mount("devpts",
                     "devpts",
                     "/dev/pts",
                     {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
    std::vector<std::string> sys_options = {"nosuid", "noexec", "nodev", access};
    mounts.push_back(is_foreign(options.network.mode)
                         ? bind_of_host("/sys", std::move(sys_options))
                         : system_mount("sysfs", "sysfs", "/sys", std::move(sys_options)));
    mounts.push_back(system_mount(
        "cgroup",
        "cgroup",
        "/sys/fs/cgroup",
        {"nosuid",
         "noexec",
         "nodev",
         "relatime",
         options.security.has_writable_cgroups || runs_systemd(options, inputs.defaults)
             ? "rw"
             : access}));
    // Of whatever ipc namespace the container is in, the host's too.
    const std::vector<std::string> mqueue_options = {"nosuid", "noexec", "nodev"};
    if (!is_foreign(options.ipc_mode)) {
        mounts.push_back(system_mount("mqueue", "mqueue", "/dev/mqueue", mqueue_options));
    } else if (inputs.host_has_mqueue) {
        mounts.push_back(bind_of_host("/dev/mqueue", mqueue_options));
    }
    if (is_host_mode(options.ipc_mode)) {
        mounts.push_back(
            system_mount("bind", "/dev/shm", "/dev/shm", {"bind", "nosuid", "noexec", "nodev"}));
    } else {
        mounts.push_back(system_mount("tmpfs",
                                      "shm",
                                      "/dev/shm",
                                      {"nosuid",
                                       "noexec",
                                       "nodev",
                                       "mode=1777",
                                       fmt::format("size={}", options.resources.shm_size_bytes)}));
    }
    return mounts;
}

Mount build_tmpfs(const MountRequest& request) {
    std::vector<std::string> options = {"nosuid", "nodev"};
    options.insert(options.end(), request.options.begin(), request.options.end());
    if (request.is_read_only) {
        options.emplace_back("ro");
    }
    if (request.copy_up) {
        options.emplace_back("tmpcopyup");
    }
    return Mount{.destination = request.destination,
                 .type = "tmpfs",
                 .source = "tmpfs",
                 .options = std::move(options),
                 .uid_mappings = {},
                 .gid_mappings = {}};
}

/// A volume that is a file system of its own, mounted in the container and nowhere else.
Mount build_file_system(const ResolvedMount& mount) {
    const auto& file_system = *mount.file_system;
    std::vector<std::string> options = file_system.options;
    const bool is_bind = std::find(options.begin(), options.end(), "bind") != options.end() ||
                         std::find(options.begin(), options.end(), "rbind") != options.end();
    options.insert(options.end(), mount.request.options.begin(), mount.request.options.end());
    if (mount.request.is_read_only) {
        options.emplace_back("ro");
    }
    return Mount{.destination = mount.request.destination,
                 .type = is_bind ? "bind" : file_system.type,
                 .source = file_system.device,
                 .options = std::move(options),
                 .uid_mappings = {},
                 .gid_mappings = {}};
}

/// --mount type=ramfs and type=devpts.
Mount build_special(const MountRequest& request) {
    const bool is_devpts = request.type == MountRequest::Type::devpts;
    std::vector<std::string> options = {"nosuid"};
    options.emplace_back(is_devpts ? "noexec" : "nodev");
    options.insert(options.end(), request.options.begin(), request.options.end());
    if (is_devpts) {
        options.emplace_back("newinstance");
        options.emplace_back("ptmxmode=0666");
    }
    if (request.is_read_only) {
        options.emplace_back("ro");
    }
    const char* type = is_devpts ? "devpts" : "ramfs";
    return system_mount(type, type, request.destination.c_str(), std::move(options));
}

/// A colon in a name stands behind a backslash.
std::string layer_list(const std::vector<std::string>& directories) {
    std::string list;
    for (const auto& directory : directories) {
        list += list.empty() ? "" : ":";
        for (const char c : directory) {
            list += c == ':' || c == '\\' ? "\\" : "";
            list += c;
        }
    }
    return list;
}

/// O and type=image: made by the runtime before the container has left the host's root.
Mount build_overlay(const ResolvedMount& mount, const UserNamespace& users) {
    std::vector<std::string> options = {"lowerdir=" + layer_list(mount.lower_dirs)};
    if (!mount.upper.empty()) {
        options.push_back("upperdir=" + mount.upper);
        options.push_back("workdir=" + mount.work);
    }
    options.insert(options.end(), mount.request.options.begin(), mount.request.options.end());
    if (mount.request.is_read_only) {
        options.emplace_back("ro");
    }
    Mount overlay{.destination = mount.request.destination,
                  .type = "overlay",
                  .source = "overlay",
                  .options = std::move(options),
                  .uid_mappings = {},
                  .gid_mappings = {}};
    if (mount.image_layers || !mount.volume.empty()) {
        overlay.uid_mappings = users.uids;
        overlay.gid_mappings = users.gids;
    }
    return overlay;
}

Mount build_bind(const ResolvedMount& mount, bool has_own_users) {
    if (mount.file_system) {
        return build_file_system(mount);
    }
    const MountRequest& request = mount.request;
    const bool maps_ids =
        std::find(request.options.begin(), request.options.end(), "idmap") != request.options.end();
    if (maps_ids && !has_own_users) {
        throw Error(ErrorKind::invalid,
                    "the mount at '{}' has the option idmap, but ids are the host's",
                    request.destination)
            .with_hint("give the container a user namespace, such as --userns=auto");
    }
    std::vector<std::string> options = {request.is_recursive ? "rbind" : "bind"};
    options.insert(options.end(), request.options.begin(), request.options.end());
    options.push_back(request.propagation.empty() ? "rprivate" : request.propagation);
    if (request.is_read_only) {
        options.emplace_back("ro");
    }
    // A volume holds the ids of containers, whatever they are outside.
    if (has_own_users && !mount.volume.empty() && !maps_ids) {
        options.emplace_back("idmap");
    }
    return Mount{.destination = request.destination,
                 .type = "bind",
                 .source = mount.source,
                 .options = std::move(options),
                 .uid_mappings = {},
                 .gid_mappings = {}};
}

bool has_destination(const std::vector<Mount>& mounts, std::string_view destination) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const Mount& mount) {
        return mount.destination == destination;
    });
}

Mount file_mount(std::string destination, std::string source) {
    return Mount{.destination = std::move(destination),
                 .type = "bind",
                 .source = std::move(source),
                 .options = {"bind", "rprivate", "nosuid", "nodev", "noexec"},
                 .uid_mappings = {},
                 .gid_mappings = {}};
}

std::vector<std::string_view> managed_etc_files(const NetworkOptions& network) {
    std::vector<std::string_view> names;
    if (!network.omits_hostname_file) {
        names.emplace_back("hostname");
    }
    if (!network.omits_hosts_file) {
        names.emplace_back("hosts");
    }
    if (!omits_resolv_conf(network)) {
        names.emplace_back("resolv.conf");
    }
    return names;
}

/// /etc/hostname, hosts and resolv.conf, unless the user mounts his own there; and the time zone.
void add_etc_files(const SpecInputs& inputs, std::vector<Mount>& mounts) {
    std::vector<std::string> roots = {""};
    for (const auto& directory : inputs.options.chroot_directories) {
        roots.push_back(directory.starts_with('/') ? directory : "/" + directory);
    }
    for (const auto& root : roots) {
        for (const auto name : managed_etc_files(inputs.options.network)) {
            const std::string destination = fmt::format("{}/etc/{}", root, name);
            if (!inputs.etc_directory.empty() && !has_destination(mounts, destination)) {
                mounts.push_back(
                    file_mount(destination, fmt::format("{}/{}", inputs.etc_directory, name)));
            }
        }
    }
    const auto& secrets = inputs.options.secrets;
    for (size_t i = 0; i < secrets.size(); ++i) {
        if (!secrets[i].is_variable) {
            mounts.push_back(file_mount(secrets[i].target,
                                        fmt::format("{}/secrets/{}", inputs.etc_directory, i)));
        }
    }
    if (!inputs.time_zone_file.empty() && !has_destination(mounts, "/etc/localtime")) {
        Mount zone = file_mount("/etc/localtime", inputs.time_zone_file);
        zone.options.emplace_back("ro");
        mounts.push_back(std::move(zone));
    }
}

/// /etc/passwd and group with lines that the image's do not have.
void add_account_files(const SpecInputs& inputs, std::vector<Mount>& mounts) {
    const auto add = [&](bool is_wanted, const char* name) {
        const std::string destination = fmt::format("/etc/{}", name);
        if (is_wanted && !has_destination(mounts, destination)) {
            Mount mount = file_mount(destination, fmt::format("{}/{}", inputs.etc_directory, name));
            if (inputs.options.is_read_only) {
                mount.options.emplace_back("ro");
            }
            mounts.push_back(std::move(mount));
        }
    };
    add(inputs.adds_passwd, "passwd");
    add(inputs.adds_group, "group");
}

void add_init(const CreateOptions& options, std::vector<Mount>& mounts) {
    if (options.has_init && !options.init_path.empty()) {
        mounts.push_back(Mount{.destination = kInitDestination,
                               .type = "bind",
                               .source = options.init_path,
                               .options = {"bind", "rprivate", "ro", "nosuid", "nodev"},
                               .uid_mappings = {},
                               .gid_mappings = {}});
    }
}

/// What systemd expects of a container, unless the user has something there.
void add_systemd_tmpfs(const SpecInputs& inputs, std::vector<Mount>& mounts) {
    if (!runs_systemd(inputs.options, inputs.defaults)) {
        return;
    }
    for (const char* destination : {"/run", "/run/lock", "/tmp", "/var/log/journal"}) {
        if (has_destination(mounts, destination)) {
            continue;
        }
        const bool is_tmp = std::string_view(destination) == "/tmp";
        std::vector<std::string> options = {
            "nosuid", "nodev", is_tmp ? "mode=1777" : "mode=755", "tmpcopyup"};
        if (!is_tmp && inputs.options.systemd_shm_size_bytes) {
            options.push_back(fmt::format("size={}", *inputs.options.systemd_shm_size_bytes));
        }
        mounts.push_back(system_mount("tmpfs", "tmpfs", destination, std::move(options)));
    }
}

/// With a read-only root, programs still expect to write here.
void add_read_only_tmpfs(const CreateOptions& options, std::vector<Mount>& mounts) {
    if (!options.is_read_only || !options.has_read_only_tmpfs) {
        return;
    }
    for (const char* destination : {"/run", "/tmp", "/var/tmp"}) {
        if (!has_destination(mounts, destination)) {
            const bool is_run = std::string_view(destination) == "/run";
            mounts.push_back(
                system_mount("tmpfs",
                             "tmpfs",
                             destination,
                             {"nosuid", "nodev", is_run ? "mode=755" : "mode=1777", "tmpcopyup"}));
        }
    }
}

}  // namespace

namespace {

Mount build_user_mount(const ResolvedMount& mount, const UserNamespace& users) {
    if (!mount.lower_dirs.empty()) {
        return build_overlay(mount, users);
    }
    switch (mount.request.type) {
        case MountRequest::Type::tmpfs:
            return build_tmpfs(mount.request);
        case MountRequest::Type::ramfs:
        case MountRequest::Type::devpts:
            return build_special(mount.request);
        case MountRequest::Type::bind:
        case MountRequest::Type::volume:
        case MountRequest::Type::glob:
        case MountRequest::Type::image:
            break;
    }
    return build_bind(mount, !users.is_host());
}

}  // namespace

/// A user's mount on one of the system's replaces it; outer directories come before inner ones.
std::vector<Mount> build_mounts(const SpecInputs& inputs) {
    std::vector<Mount> users;
    for (const auto& mount : inputs.mounts) {
        users.push_back(build_user_mount(mount, inputs.user_namespace));
    }
    add_etc_files(inputs, users);
    add_account_files(inputs, users);
    add_init(inputs.options, users);
    add_systemd_tmpfs(inputs, users);
    add_read_only_tmpfs(inputs.options, users);
    std::stable_sort(users.begin(), users.end(), [](const Mount& a, const Mount& b) {
        return std::count(a.destination.begin(), a.destination.end(), '/') <
               std::count(b.destination.begin(), b.destination.end(), '/');
    });
    std::vector<Mount> mounts = build_system_mounts(inputs);
    std::erase_if(mounts,
                  [&](const Mount& mount) { return has_destination(users, mount.destination); });
    mounts.insert(mounts.end(), users.begin(), users.end());
    return mounts;
}

std::string root_propagation(const SpecInputs& inputs) {
    std::string propagation = "rprivate";
    for (const auto& mount : inputs.mounts) {
        if (mount.request.propagation.ends_with("shared")) {
            return "rshared";
        }
        if (mount.request.propagation.ends_with("slave")) {
            propagation = "rslave";
        }
    }
    return propagation;
}

}  // namespace nau::engine
