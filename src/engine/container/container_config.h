#pragma once

// What a container record keeps besides the runtime spec: the answers that later verbs (start,
// stop, logs, inspect, ps) need and that cannot be read back from the spec. Stored as JSON text,
// opaque to storage.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/network/network_options.h"
#include "monitor/health.h"
#include "network/network.h"

namespace nau::engine {

/// A mount as inspect shows it.
struct RecordedMount {
    std::string type;  ///< bind, volume, tmpfs
    std::string volume;
    std::string source;
    std::string destination;
    std::vector<std::string> options;
    bool is_read_only = false;
    bool is_anonymous = false;
    std::string propagation;
    bool is_recursive = true;
    std::string overlay_directory;  ///< made anew at each start; empty: none
    std::string overlay_root;       ///< the tree below it, whose mode and owner it gets
};

/// A secret that the container gets at each start.
struct RecordedSecret {
    std::string secret;  ///< name
    std::string target;  ///< absolute path, or the variable's name
    bool is_variable = false;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint32_t mode = 0444;
};

struct ContainerConfig {
    std::vector<std::string> command;     ///< entry point and arguments, as executed
    std::vector<std::string> entrypoint;  ///< the first part of it
    std::string user;
    bool has_terminal = false;
    bool keeps_stdin = false;
    bool auto_remove = false;
    bool has_init = false;
    std::string init_path;  ///< --init-path; empty: nau's
    bool is_systemd = false;
    std::string rootfs;          ///< --rootfs: the directory; empty: there is an image
    std::string rootfs_overlay;  ///< holds upper and work above it; empty: it is written to
    std::string passwd_lines;    ///< for the container's /etc/passwd, at each start
    std::string group_lines;
    bool is_privileged = false;
    std::string workdir = "/";
    std::string stop_signal = "SIGTERM";
    int64_t stop_timeout_seconds = 10;
    std::string restart_policy = "no";
    std::optional<monitor::HealthConfig> health;
    std::string sdnotify = "container";
    std::string network_mode = "none";
    std::vector<NetworkRequest> networks;       ///< with network_mode "bridge"
    std::vector<network::PublishedPort> ports;  ///< every one, host ports chosen
    std::vector<std::string> exposed_ports;     ///< "80/tcp"
    std::string pid_mode;
    std::string ipc_mode;
    std::string uts_mode;
    std::string cgroupns_mode;
    std::string userns_mode;  ///< --userns; "private" with maps; empty: the host's
    std::vector<std::string> required_containers;  ///< --requires: ids
    std::string host_name;
    std::vector<std::pair<std::string, std::string>> add_hosts;
    std::vector<std::string> dns_servers;
    std::vector<std::string> dns_search;
    std::vector<std::string> dns_options;
    std::string pid_file;          ///< --pidfile, written at each start
    std::string monitor_pid_file;  ///< --conmon-pidfile
    int64_t timeout_seconds = 0;   ///< --timeout; 0: none
    bool removes_image = false;    ///< --rmi
    std::string hosts_file;        ///< --hosts-file
    std::string log_driver = "k8s-file";
    int64_t log_max_size_bytes = 0;
    int log_max_files = 0;
    bool log_compresses = true;
    std::string log_tag;                             ///< may have docker's markup
    std::map<std::string, std::string> log_options;  ///< --log-opt, as typed
    std::vector<std::string> cap_add;
    std::vector<std::string> cap_drop;
    std::vector<std::string> security_opt;
    std::vector<RecordedMount> mounts;
    std::vector<RecordedSecret> secrets;
};

std::string to_json_text(const ContainerConfig& config);
/// @throws Error{corrupt}
ContainerConfig parse_container_config(const std::string& text);

}  // namespace nau::engine
