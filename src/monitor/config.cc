#include "monitor/config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace nau::monitor {

namespace {

json::Value to_value(const LogConfig& log) {
    return {{"driver", std::string(to_string(log.driver))},
            {"path", log.path.string()},
            {"maxSizeBytes", log.max_size_bytes},
            {"maxFiles", log.max_files},
            {"compresses", log.compresses},
            {"tag", log.tag}};
}

json::Value to_value(const ExecConfig& exec) {
    return {{"pid", exec.target.pid},
            {"startTime", exec.target.start_time},
            {"process", exec.process_json},
            {"containerId", exec.container_id}};
}

json::Value to_value(const runtime::RootfsSpec& rootfs) {
    return {{"isOverlay", rootfs.kind == runtime::RootfsKind::overlay},
            {"path", rootfs.path},
            {"lowerDirs", rootfs.lower_dirs},
            {"upper", rootfs.upper},
            {"work", rootfs.work},
            {"isVolatile", rootfs.is_volatile},
            {"readOnly", rootfs.read_only},
            {"uidMap", rootfs.uid_map},
            {"gidMap", rootfs.gid_map},
            {"mountedAt", rootfs.mounted_at}};
}

runtime::RootfsSpec parse_rootfs(const json::Field& field) {
    return {.kind = field.bool_or("isOverlay", false) ? runtime::RootfsKind::overlay
                                                      : runtime::RootfsKind::directory,
            .path = field.string_or("path", ""),
            .lower_dirs = field.string_list_or_empty("lowerDirs"),
            .upper = field.string_or("upper", ""),
            .work = field.string_or("work", ""),
            .is_volatile = field.bool_or("isVolatile", false),
            .read_only = field.bool_or("readOnly", false),
            .uid_map = field.string_or("uidMap", ""),
            .gid_map = field.string_or("gidMap", ""),
            .mounted_at = field.string_or("mountedAt", "")};
}

/// An integer of a narrower type; what does not fit is corrupt.
template <typename Integer>
Integer narrow(const json::Field& field, const char* name, Integer fallback) {
    const auto found = field.find(name);
    if (!found) {
        return fallback;
    }
    const int64_t value = found->as_int64();
    if (!std::in_range<Integer>(value)) {
        found->fail("is out of range");
    }
    return static_cast<Integer>(value);
}

LogConfig parse_log(const json::Field& field) {
    LogConfig log;
    const std::string driver = field.string_or("driver", "k8s-file");
    try {
        log.driver = parse_log_driver(driver);
    } catch (const Error& error) {
        field.fail(error.text());
    }
    log.path = field.string_or("path", "");
    log.max_size_bytes = field.uint64_or("maxSizeBytes", log.max_size_bytes);
    log.max_files = narrow(field, "maxFiles", log.max_files);
    log.compresses = field.bool_or("compresses", false);
    log.tag = field.string_or("tag", "");
    return log;
}

ExecConfig parse_exec(const json::Field& field) {
    return {.target = {.pid = narrow<pid_t>(field, "pid", 0),
                       .start_time = field.at("startTime").as_uint64()},
            .process_json = field.at("process").as_string(),
            .container_id = field.string_or("containerId", "")};
}

}  // namespace

std::string_view to_string(LogDriver driver) noexcept {
    switch (driver) {
        case LogDriver::k8s_file:
            return "k8s-file";
        case LogDriver::json_file:
            return "json-file";
        case LogDriver::journald:
            return "journald";
        case LogDriver::passthrough:
            return "passthrough";
        case LogDriver::none:
            break;
    }
    return "none";
}

LogDriver parse_log_driver(std::string_view word) {
    for (const LogDriver driver : {LogDriver::k8s_file,
                                   LogDriver::json_file,
                                   LogDriver::journald,
                                   LogDriver::passthrough,
                                   LogDriver::none}) {
        if (word == to_string(driver)) {
            return driver;
        }
    }
    if (word == "passthrough-tty") {
        return LogDriver::passthrough;
    }
    throw Error(ErrorKind::invalid, "unknown log driver '{}'", word);
}

std::string to_json(const MonitorConfig& config) {
    json::Value value = {{"id", config.id},
                         {"namespace", config.namespace_name},
                         {"name", config.name},
                         {"image", config.image},
                         {"attributes", config.attributes},
                         {"runDir", config.run_dir.string()},
                         {"specPath", config.spec_path.string()},
                         {"bundle", config.bundle.string()},
                         {"log", to_value(config.log)},
                         {"terminal", config.terminal},
                         {"rows", config.window.rows},
                         {"columns", config.window.columns},
                         {"stdinOpen", config.stdin_open},
                         {"stdinOnce", config.stdin_once},
                         {"init", config.init},
                         {"attachOutput", config.attach_output},
                         {"attachErrorOutput", config.attach_error_output},
                         {"stopSignal", config.stop_signal},
                         {"stopTimeoutNs", config.stop_timeout.count()},
                         {"cgroupPath", config.cgroup_path},
                         {"systemdCgroup", config.systemd_cgroup},
                         {"pidFile", config.pid_file.string()},
                         {"monitorPidFile", config.monitor_pid_file.string()},
                         {"journalPath", config.journal_path.string()},
                         {"cleanupCommand", config.cleanup_command}};
    if (config.notify != NotifyMode::ignore) {
        value["notify"] = to_string(config.notify);
        value["notifySocket"] = config.notify_socket.string();
    }
    if (config.timeout) {
        value["timeoutNs"] = config.timeout->count();
    }
    if (config.restart.mode != RestartMode::no) {
        value["restart"] = to_string(config.restart);
        value["restartCount"] = config.restart_count;
    }
    if (config.rootfs) {
        value["rootfs"] = to_value(*config.rootfs);
    }
    if (config.health) {
        value["health"] = to_json_value(*config.health);
    }
    if (config.exec) {
        value["exec"] = to_value(*config.exec);
    }
    return json::to_text(value);
}

MonitorConfig parse_monitor_config(std::string_view text) {
    const json::Value value = json::parse(text, "monitor config");
    const json::Field root(value, "monitor config");
    MonitorConfig config;
    config.id = root.at("id").as_string();
    config.namespace_name = root.string_or("namespace", config.namespace_name);
    config.name = root.string_or("name", "");
    config.image = root.string_or("image", "");
    config.attributes = root.string_map_or_empty("attributes");
    config.run_dir = root.string_or("runDir", "");
    config.spec_path = root.string_or("specPath", "");
    config.bundle = root.string_or("bundle", "");
    if (const auto log = root.find("log")) {
        config.log = parse_log(*log);
    }
    config.terminal = root.bool_or("terminal", false);
    config.window.rows = narrow(root, "rows", config.window.rows);
    config.window.columns = narrow(root, "columns", config.window.columns);
    config.stdin_open = root.bool_or("stdinOpen", false);
    config.stdin_once = root.bool_or("stdinOnce", false);
    config.init = root.bool_or("init", false);
    config.attach_output = root.bool_or("attachOutput", true);
    config.attach_error_output = root.bool_or("attachErrorOutput", true);
    config.stop_signal = narrow(root, "stopSignal", config.stop_signal);
    config.stop_timeout =
        std::chrono::nanoseconds(root.int64_or("stopTimeoutNs", config.stop_timeout.count()));
    if (const auto timeout = root.optional_int64("timeoutNs")) {
        config.timeout = std::chrono::nanoseconds(*timeout);
    }
    config.cgroup_path = root.string_or("cgroupPath", "");
    config.systemd_cgroup = root.bool_or("systemdCgroup", false);
    config.pid_file = root.string_or("pidFile", "");
    config.monitor_pid_file = root.string_or("monitorPidFile", "");
    config.journal_path = root.string_or("journalPath", "");
    config.cleanup_command = root.string_list_or_empty("cleanupCommand");
    config.notify = parse_notify_mode(root.string_or("notify", "ignore"));
    config.notify_socket = root.string_or("notifySocket", "");
    config.restart = parse_restart_policy(root.string_or("restart", "no"));
    config.restart_count = root.uint64_or("restartCount", 0);
    if (const auto rootfs = root.find("rootfs")) {
        config.rootfs = parse_rootfs(*rootfs);
    }
    if (const auto health = root.find("health")) {
        config.health = parse_health_config(*health);
    }
    if (const auto exec = root.find("exec")) {
        config.exec = parse_exec(*exec);
    }
    return config;
}

}  // namespace nau::monitor
