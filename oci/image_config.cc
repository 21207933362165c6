#include "oci/image_config.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace nau::oci {

namespace {

constexpr std::string_view kWhat = "image config";

/// A time that cannot be read or told (Go's zero time, year 1) is as good as none: only people read
/// it.
std::optional<Time> parse_time(const json::Field& parent) {
    const auto text = parent.optional_string("created");
    return text ? parse_rfc3339(*text) : std::nullopt;
}

/// Docker reads a bare string as a list of one.
std::vector<std::string> parse_arguments(const json::Field& parent, const char* name) {
    const auto field = parent.find(name);
    if (!field) {
        return {};
    }
    if (field->value().is_string()) {
        return {field->as_string()};
    }
    return field->as_string_list();
}

std::vector<std::string> parse_env(const json::Field& config) {
    std::vector<std::string> env = config.string_list_or_empty("Env");
    std::erase_if(env, [](const std::string& entry) {
        const size_t equals = entry.find('=');
        return equals == std::string::npos || equals == 0 || entry.find('\0') != std::string::npos;
    });
    return env;
}

/// A set in Go's way: an object whose member names count.
std::vector<std::string> parse_set(const json::Field& config, const char* name) {
    std::vector<std::string> names;
    if (const auto field = config.find(name)) {
        if (!field->value().is_object()) {
            field->fail("is not an object");
        }
        for (auto member = field->value().begin(); member != field->value().end(); ++member) {
            names.push_back(member.key());
        }
    }
    return names;
}

std::optional<Healthcheck> parse_healthcheck(const json::Field& config) {
    const auto field = config.find("Healthcheck");
    if (!field) {
        return std::nullopt;
    }
    const auto duration = [&](const char* name) {
        return std::chrono::nanoseconds(std::max<int64_t>(0, field->int64_or(name, 0)));
    };
    return Healthcheck{.test = field->string_list_or_empty("Test"),
                       .interval = duration("Interval"),
                       .timeout = duration("Timeout"),
                       .start_period = duration("StartPeriod"),
                       .start_interval = duration("StartInterval"),
                       .retries = std::max<int64_t>(0, field->int64_or("Retries", 0))};
}

ContainerDefaults parse_defaults(const json::Field& config) {
    return ContainerDefaults{.user = config.string_or("User", ""),
                             .env = parse_env(config),
                             .entrypoint = parse_arguments(config, "Entrypoint"),
                             .cmd = parse_arguments(config, "Cmd"),
                             .working_dir = config.string_or("WorkingDir", ""),
                             .volumes = parse_set(config, "Volumes"),
                             .labels = config.string_map_or_empty("Labels"),
                             .exposed_ports = parse_set(config, "ExposedPorts"),
                             .stop_signal = config.string_or("StopSignal", ""),
                             .shell = parse_arguments(config, "Shell"),
                             .healthcheck = parse_healthcheck(config),
                             .on_build = config.string_list_or_empty("OnBuild"),
                             .args_escaped = config.bool_or("ArgsEscaped", false)};
}

std::vector<DiffId> parse_diff_ids(const json::Field& root) {
    const json::Field rootfs = root.at("rootfs");
    if (rootfs.at("type").as_string() != "layers") {
        rootfs.fail("type is not 'layers'");
    }
    std::vector<DiffId> diff_ids;
    const auto list = rootfs.find("diff_ids");
    if (!list) {
        return diff_ids;
    }
    for (const auto& element : list->elements()) {
        auto digest = Digest::try_parse(element.as_string());
        if (!digest) {
            element.fail("is not a sha256 or sha512 digest");
        }
        diff_ids.emplace_back(*std::move(digest));
    }
    return diff_ids;
}

std::vector<HistoryEntry> parse_history(const json::Field& root) {
    std::vector<HistoryEntry> history;
    const auto list = root.find("history");
    if (!list) {
        return history;
    }
    for (const auto& element : list->elements()) {
        history.push_back({.created = parse_time(element),
                           .created_by = element.string_or("created_by", ""),
                           .author = element.string_or("author", ""),
                           .comment = element.string_or("comment", ""),
                           .empty_layer = element.bool_or("empty_layer", false)});
    }
    return history;
}

template <typename T>
void set_unless_empty(json::Value& object, const char* name, const T& value) {
    if (!value.empty()) {
        object[name] = value;
    }
}

json::Value set_to_json(const std::vector<std::string>& names) {
    json::Value value = json::Value::object();
    for (const auto& name : names) {
        value[name] = json::Value::object();
    }
    return value;
}

void set_unless_zero(json::Value& object, const char* name, int64_t value) {
    if (value != 0) {
        object[name] = value;
    }
}

json::Value to_json(const Healthcheck& check) {
    json::Value value = json::Value::object();
    set_unless_empty(value, "Test", check.test);
    set_unless_zero(value, "Interval", check.interval.count());
    set_unless_zero(value, "Timeout", check.timeout.count());
    set_unless_zero(value, "StartPeriod", check.start_period.count());
    set_unless_zero(value, "StartInterval", check.start_interval.count());
    set_unless_zero(value, "Retries", check.retries);
    return value;
}

json::Value to_json(const ContainerDefaults& config) {
    json::Value value = json::Value::object();
    set_unless_empty(value, "User", config.user);
    set_unless_empty(value, "Env", config.env);
    set_unless_empty(value, "Entrypoint", config.entrypoint);
    set_unless_empty(value, "Cmd", config.cmd);
    set_unless_empty(value, "WorkingDir", config.working_dir);
    set_unless_empty(value, "Labels", config.labels);
    set_unless_empty(value, "StopSignal", config.stop_signal);
    set_unless_empty(value, "Shell", config.shell);
    set_unless_empty(value, "OnBuild", config.on_build);
    if (!config.volumes.empty()) {
        value["Volumes"] = set_to_json(config.volumes);
    }
    if (!config.exposed_ports.empty()) {
        value["ExposedPorts"] = set_to_json(config.exposed_ports);
    }
    if (config.healthcheck) {
        value["Healthcheck"] = to_json(*config.healthcheck);
    }
    if (config.args_escaped) {
        value["ArgsEscaped"] = true;
    }
    return value;
}

json::Value to_json(const HistoryEntry& entry) {
    json::Value value = json::Value::object();
    if (entry.created) {
        value["created"] = format_rfc3339(*entry.created);
    }
    set_unless_empty(value, "created_by", entry.created_by);
    set_unless_empty(value, "author", entry.author);
    set_unless_empty(value, "comment", entry.comment);
    if (entry.empty_layer) {
        value["empty_layer"] = true;
    }
    return value;
}

}  // namespace

ImageConfig parse_image_config(std::string_view bytes) {
    if (bytes.size() > kMaxImageConfigBytes) {
        throw Error(ErrorKind::corrupt,
                    "image config: is larger than {} MiB ({} bytes)",
                    kMaxImageConfigBytes >> 20U,
                    bytes.size());
    }
    const json::Value document = json::parse(bytes, kWhat);
    const json::Field root(document, kWhat);
    const auto config = root.find("config");
    return ImageConfig{.created = parse_time(root),
                       .author = root.string_or("author", ""),
                       .platform = parse_platform(root),
                       .config = config ? parse_defaults(*config) : ContainerDefaults{},
                       .diff_ids = parse_diff_ids(root),
                       .history = parse_history(root)};
}

std::string to_json_text(const ImageConfig& config) {
    json::Value value = to_json(config.platform);
    if (config.created) {
        value["created"] = format_rfc3339(*config.created);
    }
    set_unless_empty(value, "author", config.author);
    value["config"] = to_json(config.config);
    json::Value diff_ids = json::Value::array();
    for (const auto& diff_id : config.diff_ids) {
        diff_ids.push_back(diff_id.to_string());
    }
    value["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
    if (!config.history.empty()) {
        json::Value history = json::Value::array();
        for (const auto& entry : config.history) {
            history.push_back(to_json(entry));
        }
        value["history"] = std::move(history);
    }
    return json::to_text(value);
}

}  // namespace nau::oci
