#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/container_config.h"
#include "engine/container/container_log.h"
#include "engine/container/containers.h"
#include "engine/container/inspect_details.h"
#include "engine/container/inspect_state.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "network/keeper_client.h"

namespace nau::engine {

namespace {

using json::Value;

Value mounts_json(const ContainerConfig& config) {
    Value mounts = Value::array();
    for (const auto& mount : config.mounts) {
        mounts.push_back({{"Type", mount.type},
                          {"Name", mount.volume},
                          {"Source", mount.source},
                          {"Destination", mount.destination},
                          {"Options", mount.options},
                          {"RW", !mount.is_read_only}});
    }
    return mounts;
}

Value config_json(const storage::Container& record,
                  const ContainerConfig& config,
                  const Value& spec) {
    const auto& process = spec.at("process");
    return {{"Hostname", config.host_name},
            {"User", config.user},
            {"Tty", config.has_terminal},
            {"OpenStdin", config.keeps_stdin},
            {"Env", process.value("env", Value::array())},
            {"Cmd", config.command},
            {"Entrypoint", config.entrypoint},
            {"Image", record.image_name},
            {"WorkingDir", config.workdir},
            {"Labels", record.labels},
            {"Healthcheck", healthcheck_json(config)},
            {"StopSignal", config.stop_signal},
            {"sdNotifyMode", config.sdnotify},
            {"StopTimeout", config.stop_timeout_seconds}};
}

Value port_bindings_json(const ContainerConfig& config) {
    Value bindings = Value::object();
    for (const auto& port : config.ports) {
        bindings[fmt::format("{}/{}", port.container_port, port.protocol)].push_back(
            {{"HostIp", port.host_address ? port.host_address->to_string() : "0.0.0.0"},
             {"HostPort", std::to_string(port.host_port)}});
    }
    return bindings;
}

Value endpoint_json(const network::Endpoint& endpoint) {
    Value value = {{"NetworkID", endpoint.network.id},
                   {"EndpointID", ""},
                   {"MacAddress", endpoint.mac},
                   {"Aliases", endpoint.aliases},
                   {"InterfaceName", endpoint.container_interface},
                   {"DriverOpts", nullptr},
                   {"IPAMConfig", nullptr},
                   {"Links", nullptr},
                   {"IPAddress", ""},
                   {"IPPrefixLen", 0},
                   {"Gateway", ""},
                   {"GlobalIPv6Address", ""},
                   {"GlobalIPv6PrefixLen", 0},
                   {"IPv6Gateway", ""}};
    for (const auto& address : endpoint.addresses) {
        const bool is_v6 = address.address.is_v6();
        value[is_v6 ? "GlobalIPv6Address" : "IPAddress"] = address.address.to_string();
        value[is_v6 ? "GlobalIPv6PrefixLen" : "IPPrefixLen"] = address.length;
        for (const auto& subnet : endpoint.network.subnets) {
            if (subnet.prefix.contains(address.address)) {
                value[is_v6 ? "IPv6Gateway" : "Gateway"] = subnet.gateway.to_string();
            }
        }
    }
    return value;
}

/// docker's shape: the first network's addresses stand at the top as well.
Value network_settings_json(const ContainerConfig& config,
                            const std::optional<network::Attachment>& attachment) {
    Value ports = port_bindings_json(config);
    for (const auto& port : config.exposed_ports) {
        if (!ports.contains(port)) {
            ports[port] = nullptr;
        }
    }
    Value networks = Value::object();
    for (const auto& request : config.networks) {
        networks[request.name] =
            endpoint_json({.network = {.id = "", .name = request.name, .interface = ""},
                           .host_interface = "",
                           .container_interface = request.interface_name,
                           .mac = request.mac,
                           .aliases = request.aliases});
    }
    Value settings = {{"Bridge", ""}, {"SandboxID", ""}, {"SandboxKey", ""}};
    Value first = endpoint_json({.network = {}, .host_interface = "", .container_interface = ""});
    if (attachment) {
        for (const auto& endpoint : attachment->endpoints) {
            networks[endpoint.network.name] = endpoint_json(endpoint);
        }
        if (!attachment->endpoints.empty()) {
            first = endpoint_json(attachment->endpoints.front());
        }
    }
    for (const char* key : {"IPAddress",
                            "IPPrefixLen",
                            "Gateway",
                            "MacAddress",
                            "GlobalIPv6Address",
                            "GlobalIPv6PrefixLen",
                            "IPv6Gateway"}) {
        settings[key] = first[key];
    }
    settings["Ports"] = std::move(ports);
    settings["Networks"] = std::move(networks);
    return settings;
}

/// Empty when there is no file.
std::string log_path(const storage::Store& store,
                     const storage::ContainerId& id,
                     const ContainerConfig& config) {
    return is_log_file_driver(config.log_driver) ? store.paths().container_log(id).string() : "";
}

Value host_config_json(const storage::Store& store,
                       const storage::Container& record,
                       const ContainerConfig& config,
                       const Value& spec) {
    const Value empty = Value::object();
    const auto& linux_spec = spec.contains("linux") ? spec.at("linux") : empty;
    const auto resources = linux_spec.value("resources", empty);
    const auto memory = resources.value("memory", empty);
    const auto cpu = resources.value("cpu", empty);
    const auto quota = cpu.value("quota", int64_t{0});
    const auto period = cpu.value("period", int64_t{0});
    return {{"NetworkMode", config.network_mode},
            {"PortBindings", port_bindings_json(config)},
            {"PidMode", config.pid_mode},
            {"IpcMode", config.ipc_mode},
            {"UTSMode", config.uts_mode},
            {"AutoRemove", record.auto_remove},
            {"Privileged", config.is_privileged},
            {"Init", config.has_init},
            {"ReadonlyRootfs", spec.value("root", empty).value("readonly", false)},
            {"CapAdd", config.cap_add},
            {"CapDrop", config.cap_drop},
            {"SecurityOpt", config.security_opt},
            {"Memory", memory.value("limit", int64_t{0})},
            {"MemorySwap", memory.value("swap", int64_t{0})},
            {"MemoryReservation", memory.value("reservation", int64_t{0})},
            {"CpuQuota", quota},
            {"CpuPeriod", period},
            {"CpuShares", cpu.value("shares", uint64_t{0})},
            {"CpusetCpus", cpu.value("cpus", "")},
            {"CpusetMems", cpu.value("mems", "")},
            {"NanoCpus", period > 0 && quota > 0 ? quota * 1'000'000'000 / period : 0},
            {"PidsLimit", resources.value("pids", empty).value("limit", int64_t{0})},
            {"OomScoreAdj", spec.at("process").value("oomScoreAdj", 0)},
            {"RestartPolicy", restart_policy_json(config)},
            {"LogConfig",
             {{"Type", config.log_driver},
              {"Config", config.log_options},
              {"Path", log_path(store, record.id, config)},
              {"Size", config.log_max_size_bytes},
              {"MaxFiles", config.log_max_files},
              {"Tag", config.log_tag}}},
            {"CgroupParent", ""},
            {"MaskedPaths", linux_spec.value("maskedPaths", Value::array())},
            {"ReadonlyPaths", linux_spec.value("readonlyPaths", Value::array())}};
}

ContainerSizes sizes_of(storage::Store& store, const storage::Container& record) {
    auto key = storage::SnapshotKey::parse(record.snapshot_key);
    ContainerSizes sizes{.written_bytes = store.snapshots().usage(key).size_bytes};
    auto layer = store.snapshots().find(key);
    while (layer && layer->parent) {
        layer = store.snapshots().find(storage::SnapshotKey(*layer->parent));
        sizes.image_bytes += layer ? store.snapshots().usage(layer->key).size_bytes : 0;
    }
    return sizes;
}

void add_sizes(storage::Store& store, const storage::Container& record, Value& out) {
    const ContainerSizes sizes = sizes_of(store, record);
    out["SizeRw"] = sizes.written_bytes;
    out["SizeRootFs"] = sizes.written_bytes + sizes.image_bytes;
}

}  // namespace

ContainerSizes container_sizes(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    return sizes_of(store, store.records().containers.get(find_container(engine, name_or_id)));
}

Value inspect_container(Engine& engine, const std::string& name_or_id, bool with_size) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const storage::Container record = store.records().containers.get(id);
    const ContainerConfig config = parse_container_config(record.config);
    const Value spec = json::parse(record.spec, "runtime spec of the container");
    const auto state = actual_state(store, id, record.state);
    const auto run_dir = store.paths().container_run(id);
    Value out = {{"Id", id.to_string()},
                 {"Created", format_rfc3339(record.created)},
                 {"Path", config.command.empty() ? "" : config.command.front()},
                 {"Args",
                  config.command.empty()
                      ? std::vector<std::string>{}
                      : std::vector<std::string>(config.command.begin() + 1, config.command.end())},
                 {"State", state_json(store, id, state)},
                 {"Image", record.image_id ? record.image_id->to_string() : ""},
                 {"ImageName", record.image_name},
                 {"ImageDigest", record.manifest_digest ? record.manifest_digest->to_string() : ""},
                 {"Name", record.name},
                 {"Namespace", record.name_space},
                 {"RestartCount", state.restart_count},
                 {"Driver", std::string(store.snapshots().name())},
                 {"HostnamePath", (run_dir / "hostname").string()},
                 {"HostsPath", (run_dir / "hosts").string()},
                 {"ResolvConfPath", (run_dir / "resolv.conf").string()},
                 {"LogPath", log_path(store, id, config)},
                 {"Mounts", mounts_json(config)},
                 {"Config", config_json(record, config, spec)},
                 {"HostConfig", host_config_json(store, record, config, spec)},
                 {"NetworkSettings",
                  network_settings_json(
                      config, network::read_attachment(store.paths().networks(), id.to_string()))}};
    add_inspect_details(record, state, config, spec, out);
    if (with_size) {
        add_sizes(store, record, out);
    }
    return out;
}

}  // namespace nau::engine
