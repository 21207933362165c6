#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "engine/container/containers.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "oci/reference.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

using json::Value;

std::string time_or_empty(const std::optional<Time>& time) {
    return time ? format_rfc3339(*time) : "";
}

/// docker has sets as objects whose members are empty objects.
Value set_json(const std::vector<std::string>& names) {
    Value set = Value::object();
    for (const auto& name : names) {
        set[name] = Value::object();
    }
    return set;
}

Value healthcheck_json(const oci::Healthcheck& check) {
    Value value = {{"Test", check.test}};
    const auto set = [&](const char* name, int64_t number) {
        if (number != 0) {
            value[name] = number;
        }
    };
    set("Interval", check.interval.count());
    set("Timeout", check.timeout.count());
    set("StartPeriod", check.start_period.count());
    set("StartInterval", check.start_interval.count());
    set("Retries", check.retries);
    return value;
}

Value config_json(const oci::ContainerDefaults& defaults) {
    Value value = {{"User", defaults.user},
                   {"Env", defaults.env},
                   {"Entrypoint", defaults.entrypoint},
                   {"Cmd", defaults.cmd},
                   {"WorkingDir", defaults.working_dir},
                   {"Volumes", set_json(defaults.volumes)},
                   {"ExposedPorts", set_json(defaults.exposed_ports)},
                   {"Labels", defaults.labels},
                   {"StopSignal", defaults.stop_signal}};
    if (!defaults.on_build.empty()) {
        value["OnBuild"] = defaults.on_build;
    }
    if (!defaults.shell.empty()) {
        value["Shell"] = defaults.shell;
    }
    if (defaults.healthcheck) {
        value["Healthcheck"] = healthcheck_json(*defaults.healthcheck);
    }
    if (defaults.args_escaped) {
        value["ArgsEscaped"] = true;
    }
    return value;
}

Value history_json(const oci::ImageConfig& config) {
    Value history = Value::array();
    for (const auto& entry : config.history) {
        Value line = {{"created", time_or_empty(entry.created)},
                      {"created_by", entry.created_by},
                      {"comment", entry.comment},
                      {"empty_layer", entry.empty_layer}};
        if (!entry.author.empty()) {
            line["author"] = entry.author;
        }
        history.push_back(std::move(line));
    }
    return history;
}

struct Names {
    Value tags = Value::array();
    Value digests = Value::array();
    Time last_tagged = {};
};

Names names_of(Engine& engine, const oci::Digest& image_id) {
    Names names;
    for (const auto& record : find_image_names(engine, image_id)) {
        names.last_tagged = std::max(names.last_tagged, record.updated);
        const auto reference = reference_of_record(record.name);
        if (!reference) {
            continue;
        }
        if (reference->tag()) {
            names.tags.push_back(record.name);
        }
        const std::string digest = reference->with_digest(record.target.digest).to_string();
        if (std::find(names.digests.begin(), names.digests.end(), digest) == names.digests.end()) {
            names.digests.push_back(digest);
        }
    }
    return names;
}

uint64_t unpacked_size(storage::Store& store, std::optional<oci::ChainId> chain) {
    uint64_t size_bytes = 0;
    while (chain) {
        const auto snapshot = store.snapshots().find(*chain);
        size_bytes += snapshot ? snapshot->size_bytes.value_or(0) : 0;
        chain = snapshot ? snapshot->parent : std::nullopt;
    }
    return size_bytes;
}

/// As docker's overlay2 tells where the layers lie. Empty when they are not unpacked.
Value driver_json(storage::Store& store, const std::optional<oci::ChainId>& chain) {
    Value data = Value::object();
    if (chain && store.snapshots().find(*chain)) {
        const auto directories = store.snapshots().lower_dirs(*chain);
        std::string lower;
        for (size_t i = 1; i < directories.size(); ++i) {
            lower += (lower.empty() ? "" : ":") + directories[i].string();
        }
        data["UpperDir"] = directories.front().string();
        if (!lower.empty()) {
            data["LowerDir"] = lower;
        }
    }
    return {{"Name", std::string(store.snapshots().name())}, {"Data", std::move(data)}};
}

std::string comment_of(const oci::ImageConfig& config) {
    return config.history.empty() ? "" : config.history.back().comment;
}

}  // namespace

Value inspect_image(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const ResolvedImage image = get_image(engine, name_or_id);
    Names names = names_of(engine, image.image_id);
    Value layers = Value::array();
    for (const auto& diff_id : image.config.diff_ids) {
        layers.push_back(diff_id.to_string());
    }
    const uint64_t size_bytes = unpacked_size(store, image.chain_id);
    return {{"Id", image.image_id.to_string()},
            {"Digest", image.target_digest.to_string()},
            {"ManifestDigest", image.manifest_digest.to_string()},
            {"ManifestType", image.manifest.media_type},
            {"RepoTags", std::move(names.tags)},
            {"RepoDigests", std::move(names.digests)},
            {"Parent", ""},
            {"Comment", comment_of(image.config)},
            {"Created", time_or_empty(image.config.created)},
            {"DockerVersion", ""},
            {"Author", image.config.author},
            {"Architecture", image.config.platform.architecture},
            {"Variant", image.config.platform.variant},
            {"Os", image.config.platform.os},
            {"OsVersion", image.config.platform.os_version},
            {"Size", size_bytes},
            {"VirtualSize", size_bytes},
            {"GraphDriver", driver_json(store, image.chain_id)},
            {"RootFS", {{"Type", "layers"}, {"Layers", std::move(layers)}}},
            {"Metadata", {{"LastTagTime", format_rfc3339(names.last_tagged)}}},
            {"Annotations", image.manifest.annotations},
            {"Labels", image.config.config.labels},
            {"User", image.config.config.user},
            {"Config", config_json(image.config.config)},
            {"History", history_json(image.config)}};
}

}  // namespace nau::engine
