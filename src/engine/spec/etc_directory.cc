// /etc/hosts, hostname and resolv.conf of a container as files in its run directory.

#include <algorithm>
#include <fcntl.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/network/container_network.h"
#include "engine/spec/accounts.h"
#include "engine/spec/etc_files.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxEtcFileBytes = 1U << 20U;
/// What systemd-resolved knows of the servers behind its own on 127.0.0.53.
constexpr const char* kResolvedServers = "/run/systemd/resolve/resolv.conf";

std::string host_file(const char* path) {
    return sys::read_file_if_exists(path, kMaxEtcFileBytes).value_or("");
}

/// The same inode, so that what follows `connect` and `disconnect` there is seen here too.
void share_files_of(const std::filesystem::path& other, const std::filesystem::path& directory) {
    for (const char* name : {"hosts", "resolv.conf"}) {
        (void)sys::unlink_if_exists(directory / name);
        sys::link(other / name, directory / name);
    }
}

void write_etc_file(const std::filesystem::path& path, const std::string& text) {
    const sys::UniqueFd file = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    sys::write_all(file.get(), text);
}

}  // namespace

void write_account_files(const std::filesystem::path& directory,
                         const ContainerConfig& config,
                         int rootfs_fd) {
    const auto write = [&](const char* name, const std::string& lines) {
        if (lines.empty()) {
            return;
        }
        const sys::DirFd root(sys::UniqueFd(::fcntl(rootfs_fd, F_DUPFD_CLOEXEC, 3)));
        auto text =
            root.read_file_in_root_if_exists(fmt::format("/etc/{}", name), kMaxEtcFileBytes);
        write_etc_file(directory / name, append_lines(text.value_or(""), lines));
    };
    write("passwd", config.passwd_lines);
    write("group", config.group_lines);
}

void write_etc_files(storage::Store& store,
                     const storage::Container& record,
                     const ContainerConfig& config,
                     const std::optional<network::Attachment>& attachment,
                     const std::string& base_hosts) {
    const auto directory = store.paths().container_run(record.id);
    const bool shares_host_network = config.network_mode == "host";
    EtcFileInputs inputs{.network_mode = config.network_mode,
                         .host_name = config.host_name,
                         .container_name = record.name,
                         .add_hosts = config.add_hosts,
                         .dns_servers = config.dns_servers,
                         .dns_search = config.dns_search,
                         .dns_options = config.dns_options,
                         .host_resolv_conf = host_file("/etc/resolv.conf"),
                         .base_hosts = base_hosts,
                         .host_hosts = shares_host_network && config.hosts_file.empty()
                                           ? host_file("/etc/hosts")
                                           : ""};
    if (attachment) {
        for (const auto& endpoint : attachment->endpoints) {
            for (const auto& address : endpoint.addresses) {
                inputs.own_addresses.push_back(address.address.to_string());
            }
            const bool is_bridge = endpoint.network.driver == network::Driver::bridge;
            for (const auto& subnet : endpoint.network.subnets) {
                if (is_bridge && endpoint.network.has_dns) {
                    inputs.name_servers.push_back(subnet.gateway.to_string());
                }
                if (is_bridge && inputs.host_address.empty()) {
                    inputs.host_address = subnet.gateway.to_string();
                }
            }
        }
    } else if (shares_host_network) {
        inputs.host_address = "127.0.0.1";
    }
    if (!shares_host_network && inputs.name_servers.empty() &&
        !names_reachable_server(inputs.host_resolv_conf)) {
        if (auto servers = host_file(kResolvedServers); !servers.empty()) {
            inputs.host_resolv_conf = std::move(servers);
        }
    }
    const auto write = [&](const char* name, const std::string& text) {
        write_etc_file(directory / name, text);
    };
    write("hostname", make_hostname_file(inputs));
    constexpr std::string_view prefix = "container:";
    if (config.network_mode.starts_with(prefix)) {
        const auto other = store.records().containers.resolve(
            record.name_space, config.network_mode.substr(prefix.size()));
        if (other && sys::file_exists(store.paths().container_run(*other) / "hosts")) {
            share_files_of(store.paths().container_run(*other), directory);
            return;
        }
    }
    write("hosts", make_hosts_file(inputs));
    write("resolv.conf", make_resolv_conf(inputs));
}

}  // namespace nau::engine
