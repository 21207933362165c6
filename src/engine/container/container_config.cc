#include "engine/container/container_config.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace nau::engine {

namespace {

json::Value to_json(const RecordedMount& mount) {
    return {{"type", mount.type},
            {"volume", mount.volume},
            {"source", mount.source},
            {"destination", mount.destination},
            {"options", mount.options},
            {"isReadOnly", mount.is_read_only},
            {"isAnonymous", mount.is_anonymous},
            {"propagation", mount.propagation},
            {"isRecursive", mount.is_recursive},
            {"overlayDirectory", mount.overlay_directory},
            {"overlayRoot", mount.overlay_root}};
}

RecordedMount read_mount(const json::Field& field) {
    return {.type = field.at("type").as_string(),
            .volume = field.string_or("volume", ""),
            .source = field.string_or("source", ""),
            .destination = field.at("destination").as_string(),
            .options = field.string_list_or_empty("options"),
            .is_read_only = field.bool_or("isReadOnly", false),
            .is_anonymous = field.bool_or("isAnonymous", false),
            .propagation = field.string_or("propagation", ""),
            .is_recursive = field.bool_or("isRecursive", true),
            .overlay_directory = field.string_or("overlayDirectory", ""),
            .overlay_root = field.string_or("overlayRoot", "")};
}

json::Value network_list(const std::vector<NetworkRequest>& networks) {
    json::Value list = json::Value::array();
    for (const auto& network : networks) {
        list.push_back({{"name", network.name},
                        {"addresses", network.addresses},
                        {"mac", network.mac},
                        {"aliases", network.aliases},
                        {"interface", network.interface_name}});
    }
    return list;
}

std::vector<NetworkRequest> read_networks(const json::Field& root) {
    std::vector<NetworkRequest> networks;
    const auto list = root.find("networks");
    for (const auto& entry : list ? list->elements() : std::vector<json::Field>()) {
        networks.push_back({.name = entry.at("name").as_string(),
                            .addresses = entry.string_list_or_empty("addresses"),
                            .mac = entry.string_or("mac", ""),
                            .aliases = entry.string_list_or_empty("aliases"),
                            .interface_name = entry.string_or("interface", "")});
    }
    return networks;
}

json::Value port_list(const std::vector<network::PublishedPort>& ports) {
    json::Value list = json::Value::array();
    for (const auto& port : ports) {
        list.push_back({{"hostAddress", port.host_address ? port.host_address->to_string() : ""},
                        {"hostPort", port.host_port},
                        {"containerPort", port.container_port},
                        {"protocol", port.protocol}});
    }
    return list;
}

std::vector<network::PublishedPort> read_ports(const json::Field& root) {
    std::vector<network::PublishedPort> ports;
    const auto list = root.find("ports");
    for (const auto& entry : list ? list->elements() : std::vector<json::Field>()) {
        const auto address = entry.string_or("hostAddress", "");
        ports.push_back(
            {.host_address = network::IpAddress::try_parse(address),
             .host_port = static_cast<uint16_t>(entry.uint64_or("hostPort", 0)),
             .container_port = static_cast<uint16_t>(entry.uint64_or("containerPort", 0)),
             .protocol = entry.at("protocol").as_string()});
    }
    return ports;
}

}  // namespace

std::string to_json_text(const ContainerConfig& config) {
    json::Value mounts = json::Value::array();
    for (const auto& mount : config.mounts) {
        mounts.push_back(to_json(mount));
    }
    json::Value secrets = json::Value::array();
    for (const auto& secret : config.secrets) {
        secrets.push_back({{"secret", secret.secret},
                           {"target", secret.target},
                           {"isVariable", secret.is_variable},
                           {"uid", secret.uid},
                           {"gid", secret.gid},
                           {"mode", secret.mode}});
    }
    json::Value hosts = json::Value::array();
    for (const auto& [name, address] : config.add_hosts) {
        hosts.push_back({{"name", name}, {"address", address}});
    }
    json::Value value = {{"command", config.command},
                         {"entrypoint", config.entrypoint},
                         {"user", config.user},
                         {"hasTerminal", config.has_terminal},
                         {"keepsStdin", config.keeps_stdin},
                         {"autoRemove", config.auto_remove},
                         {"hasInit", config.has_init},
                         {"initPath", config.init_path},
                         {"isSystemd", config.is_systemd},
                         {"rootfs", config.rootfs},
                         {"rootfsOverlay", config.rootfs_overlay},
                         {"passwdLines", config.passwd_lines},
                         {"groupLines", config.group_lines},
                         {"isPrivileged", config.is_privileged},
                         {"workdir", config.workdir},
                         {"stopSignal", config.stop_signal},
                         {"stopTimeoutSeconds", config.stop_timeout_seconds},
                         {"restartPolicy", config.restart_policy},
                         {"sdnotify", config.sdnotify},
                         {"networkMode", config.network_mode},
                         {"networks", network_list(config.networks)},
                         {"ports", port_list(config.ports)},
                         {"exposedPorts", config.exposed_ports},
                         {"pidMode", config.pid_mode},
                         {"ipcMode", config.ipc_mode},
                         {"utsMode", config.uts_mode},
                         {"cgroupnsMode", config.cgroupns_mode},
                         {"usernsMode", config.userns_mode},
                         {"requires", config.required_containers},
                         {"hostName", config.host_name},
                         {"addHosts", std::move(hosts)},
                         {"dnsServers", config.dns_servers},
                         {"dnsSearch", config.dns_search},
                         {"dnsOptions", config.dns_options},
                         {"pidFile", config.pid_file},
                         {"monitorPidFile", config.monitor_pid_file},
                         {"timeoutSeconds", config.timeout_seconds},
                         {"removesImage", config.removes_image},
                         {"hostsFile", config.hosts_file},
                         {"logDriver", config.log_driver},
                         {"logMaxSizeBytes", config.log_max_size_bytes},
                         {"logMaxFiles", config.log_max_files},
                         {"logCompresses", config.log_compresses},
                         {"logTag", config.log_tag},
                         {"logOptions", config.log_options},
                         {"capAdd", config.cap_add},
                         {"capDrop", config.cap_drop},
                         {"securityOpt", config.security_opt},
                         {"mounts", std::move(mounts)},
                         {"secrets", std::move(secrets)}};
    if (config.health) {
        value["health"] = monitor::to_json_value(*config.health);
    }
    return json::to_text(value);
}

ContainerConfig parse_container_config(const std::string& text) {
    const auto document = json::parse(text, "container record");
    const json::Field root(document, "container record");
    ContainerConfig config{.command = root.string_list_or_empty("command"),
                           .entrypoint = root.string_list_or_empty("entrypoint"),
                           .user = root.string_or("user", ""),
                           .has_terminal = root.bool_or("hasTerminal", false),
                           .keeps_stdin = root.bool_or("keepsStdin", false),
                           .auto_remove = root.bool_or("autoRemove", false),
                           .has_init = root.bool_or("hasInit", false),
                           .init_path = root.string_or("initPath", ""),
                           .is_systemd = root.bool_or("isSystemd", false),
                           .rootfs = root.string_or("rootfs", ""),
                           .rootfs_overlay = root.string_or("rootfsOverlay", ""),
                           .passwd_lines = root.string_or("passwdLines", ""),
                           .group_lines = root.string_or("groupLines", ""),
                           .is_privileged = root.bool_or("isPrivileged", false),
                           .workdir = root.string_or("workdir", "/"),
                           .stop_signal = root.string_or("stopSignal", "SIGTERM"),
                           .stop_timeout_seconds = root.int64_or("stopTimeoutSeconds", 10),
                           .restart_policy = root.string_or("restartPolicy", "no"),
                           .health = {},
                           .sdnotify = root.string_or("sdnotify", "container"),
                           .network_mode = root.string_or("networkMode", "none"),
                           .networks = read_networks(root),
                           .ports = read_ports(root),
                           .exposed_ports = root.string_list_or_empty("exposedPorts"),
                           .pid_mode = root.string_or("pidMode", ""),
                           .ipc_mode = root.string_or("ipcMode", ""),
                           .uts_mode = root.string_or("utsMode", ""),
                           .cgroupns_mode = root.string_or("cgroupnsMode", ""),
                           .userns_mode = root.string_or("usernsMode", ""),
                           .required_containers = root.string_list_or_empty("requires"),
                           .host_name = root.string_or("hostName", ""),
                           .add_hosts = {},
                           .dns_servers = root.string_list_or_empty("dnsServers"),
                           .dns_search = root.string_list_or_empty("dnsSearch"),
                           .dns_options = root.string_list_or_empty("dnsOptions"),
                           .pid_file = root.string_or("pidFile", ""),
                           .monitor_pid_file = root.string_or("monitorPidFile", ""),
                           .timeout_seconds = root.int64_or("timeoutSeconds", 0),
                           .removes_image = root.bool_or("removesImage", false),
                           .hosts_file = root.string_or("hostsFile", ""),
                           .log_driver = root.string_or("logDriver", "k8s-file"),
                           .log_max_size_bytes = root.int64_or("logMaxSizeBytes", 0),
                           .log_max_files = static_cast<int>(root.int64_or("logMaxFiles", 0)),
                           .log_compresses = root.bool_or("logCompresses", true),
                           .log_tag = root.string_or("logTag", ""),
                           .log_options = root.string_map_or_empty("logOptions"),
                           .cap_add = root.string_list_or_empty("capAdd"),
                           .cap_drop = root.string_list_or_empty("capDrop"),
                           .security_opt = root.string_list_or_empty("securityOpt"),
                           .mounts = {},
                           .secrets = {}};
    if (const auto health = root.find("health")) {
        config.health = monitor::parse_health_config(*health);
    }
    if (const auto hosts = root.find("addHosts")) {
        for (const auto& host : hosts->elements()) {
            config.add_hosts.emplace_back(host.at("name").as_string(),
                                          host.at("address").as_string());
        }
    }
    if (const auto secrets = root.find("secrets")) {
        for (const auto& secret : secrets->elements()) {
            config.secrets.push_back(
                {.secret = secret.at("secret").as_string(),
                 .target = secret.at("target").as_string(),
                 .is_variable = secret.bool_or("isVariable", false),
                 .uid = static_cast<uint32_t>(secret.uint64_or("uid", 0)),
                 .gid = static_cast<uint32_t>(secret.uint64_or("gid", 0)),
                 .mode = static_cast<uint32_t>(secret.uint64_or("mode", 0444))});
        }
    }
    if (const auto mounts = root.find("mounts")) {
        for (const auto& mount : mounts->elements()) {
            config.mounts.push_back(read_mount(mount));
        }
    }
    return config;
}

}  // namespace nau::engine
