#include "engine/volume/volume.h"

#include <fcntl.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/copy_stream.h"
#include "engine/container/lifecycle.h"
#include "engine/engine.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "oci/layer/tar_writer.h"
#include "storage/layers/diff.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

VolumeSummary summarize(Engine& engine, storage::Volume&& volume) {
    storage::Store& store = engine.store_for_reading();
    VolumeSummary summary;
    summary.mount_point = store.paths().volume_data(volume.name_space, volume.name).string();
    summary.user_count = store.records().volumes.users(volume.name_space, volume.name).size();
    summary.name = std::move(volume.name);
    summary.driver = std::move(volume.driver);
    summary.created = volume.created;
    summary.labels = std::move(volume.labels);
    summary.options = std::move(volume.options);
    summary.is_anonymous = volume.is_anonymous;
    return summary;
}

void tell(Engine& engine, const char* action, const std::string& name) {
    record_event(engine,
                 {.type = events::EventType::volume,
                  .action = action,
                  .id = name,
                  .name = name,
                  .image = {},
                  .attributes = {}});
}

void check_options(const std::map<std::string, std::string>& options) {
    for (const auto& [key, value] : options) {
        if (key != "type" && key != "device" && key != "o") {
            throw Error(ErrorKind::unsupported, "volume option '{}' is not known to nau", key)
                .with_hint("the local driver has type, device and o");
        }
        if (key == "device" && !value.starts_with('/') && options.count("type") == 0) {
            throw Error(ErrorKind::invalid, "the device '{}' is not an absolute path", value);
        }
    }
}

bool has_map_entry(const std::map<std::string, std::string>& entries, std::string_view wanted) {
    const auto pair = split_once(wanted, '=');
    const auto found = entries.find(std::string(pair ? pair->first : wanted));
    return found != entries.end() && (!pair || found->second == pair->second);
}

bool truth_of(std::string_view key, std::string_view value) {
    if (value == "true" || value == "1") {
        return true;
    }
    if (value == "false" || value == "0") {
        return false;
    }
    throw Error(ErrorKind::invalid, "filter '{}={}' is neither true nor false", key, value);
}

Time moment_of(Engine& engine, const std::string& value) {
    if (const auto time = parse_rfc3339(value)) {
        return *time;
    }
    return engine.clock().now() - parse_duration(value);
}

bool matches(Engine& engine,
             const VolumeSummary& volume,
             const std::string& key,
             const std::string& value) {
    if (key == "name") {
        return volume.name.find(value) != std::string::npos;
    }
    if (key == "label") {
        return has_map_entry(volume.labels, value);
    }
    if (key == "label!") {
        return !has_map_entry(volume.labels, value);
    }
    if (key == "opt") {
        return has_map_entry(volume.options, value);
    }
    if (key == "driver") {
        return volume.driver == value;
    }
    if (key == "scope") {
        return value == "local";
    }
    if (key == "dangling") {
        return (volume.user_count == 0) == truth_of(key, value);
    }
    if (key == "anonymous") {
        return volume.is_anonymous == truth_of(key, value);
    }
    if (key == "until") {
        return volume.created < moment_of(engine, value);
    }
    if (key == "since") {
        return volume.created > moment_of(engine, value);
    }
    throw Error(ErrorKind::invalid, "unknown filter '{}'", key)
        .with_hint(
            "filters: anonymous, dangling, driver, label, label!, name, opt, scope, since, until");
}

}  // namespace

std::string create_volume(Engine& engine, const CreateVolumeOptions& options) {
    check_options(options.options);
    storage::Store& store = engine.store_for_writing();
    const std::string name = options.name.empty() ? sys::random_hex(32) : options.name;
    auto& volumes = store.records().volumes;
    if (options.ignores_existing && volumes.find(engine.name_space(), name)) {
        return name;
    }
    {
        storage::Transaction tx(store.db());
        volumes.create(tx,
                       {.name_space = engine.name_space(),
                        .name = name,
                        .labels = options.labels,
                        .options = options.options,
                        .created = engine.clock().now(),
                        // Made by hand: rm -v of a container does not take it.
                        .is_anonymous = false});
        tx.commit(storage::Durability::durable);
    }
    const std::string data = store.paths().volume_data(engine.name_space(), name).string();
    sys::make_directories(data, 0755);
    if (options.uid || options.gid) {
        const sys::UniqueFd directory = sys::open(data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        sys::fchown(directory.get(), options.uid.value_or(0), options.gid.value_or(0));
    }
    tell(engine, "create", name);
    return name;
}

std::string find_volume_name(Engine& engine, const std::string& name) {
    auto& volumes = engine.store_for_reading().records().volumes;
    if (volumes.find(engine.name_space(), name)) {
        return name;
    }
    std::vector<std::string> found;
    for (const auto& volume : volumes.list(engine.name_space())) {
        if (!name.empty() && volume.name.starts_with(name)) {
            found.push_back(volume.name);
        }
    }
    if (found.empty()) {
        throw Error(ErrorKind::not_found, "no volume '{}'", name)
            .with_hint("'nau volume ls' lists them");
    }
    if (found.size() > 1) {
        throw Error(ErrorKind::invalid,
                    "'{}' begins the names of {} volumes, such as '{}' and '{}'",
                    name,
                    found.size(),
                    found[0],
                    found[1]);
    }
    return found.front();
}

std::vector<VolumeSummary> list_volumes(Engine& engine, const VolumeFilters& filters) {
    std::vector<VolumeSummary> chosen;
    for (auto& volume : engine.store_for_reading().records().volumes.list(engine.name_space())) {
        VolumeSummary summary = summarize(engine, std::move(volume));
        // Values of one key are alternatives; labels must all hold.
        std::map<std::string, bool> outcome;
        bool has_labels = true;
        for (const auto& [key, value] : filters) {
            const bool is_match = matches(engine, summary, key, value);
            if (key == "label" || key == "label!") {
                has_labels = has_labels && is_match;
            } else {
                outcome[key] = outcome[key] || is_match;
            }
        }
        const bool all = std::all_of(
            outcome.begin(), outcome.end(), [](const auto& each) { return each.second; });
        if (has_labels && all) {
            chosen.push_back(std::move(summary));
        }
    }
    return chosen;
}

nlohmann::json inspect_volume(Engine& engine, const std::string& name) {
    const std::string whole = find_volume_name(engine, name);
    auto record = engine.store_for_reading().records().volumes.find(engine.name_space(), whole);
    if (!record) {
        throw Error(ErrorKind::not_found, "volume '{}' is gone", whole);
    }
    const bool needs_copy_up = !record->is_used;
    const VolumeSummary volume = summarize(engine, *std::move(record));
    const auto status = sys::stat_if_exists(volume.mount_point);
    return {{"Name", volume.name},
            {"Driver", volume.driver},
            {"Mountpoint", volume.mount_point},
            {"CreatedAt", format_rfc3339(volume.created)},
            {"Labels", volume.labels},
            {"Options", volume.options},
            {"Scope", "local"},
            {"UID", status ? status->st_uid : 0},
            {"GID", status ? status->st_gid : 0},
            {"Anonymous", volume.is_anonymous},
            {"NeedsCopyUp", needs_copy_up},
            {"MountCount", volume.user_count},
            {"Status", nlohmann::json::object()}};
}

void remove_volume(Engine& engine, const std::string& name, bool is_forced) {
    storage::Store& store = engine.store_for_writing();
    const std::string whole = find_volume_name(engine, name);
    auto& volumes = store.records().volumes;
    if (is_forced) {
        for (const auto& id : volumes.users(engine.name_space(), whole)) {
            (void)remove_container(engine,
                                   id.to_string(),
                                   {.is_forced = true, .removes_volumes = false, .timeout = {}});
        }
    }
    {
        storage::Transaction tx(store.db());
        volumes.remove(tx, engine.name_space(), whole);
        tx.commit(storage::Durability::durable);
    }
    if (storage::Trash(store.paths()).take(store.paths().volume(engine.name_space(), whole))) {
        start_upkeep(engine);
    }
    tell(engine, "remove", whole);
}

std::vector<std::string> prune_volumes(Engine& engine, const VolumeFilters& filters) {
    (void)engine.store_for_writing();
    std::vector<std::string> removed;
    for (const auto& volume : list_volumes(engine, filters)) {
        if (volume.user_count != 0) {
            continue;
        }
        try {
            remove_volume(engine, volume.name, /*is_forced=*/false);
        } catch (const Error& error) {
            // Taken into use, or removed by somebody else, since it was listed.
            if (error.kind() != ErrorKind::in_use && error.kind() != ErrorKind::not_found) {
                throw;
            }
            continue;
        }
        removed.push_back(volume.name);
    }
    return removed;
}

void export_volume(Engine& engine, const std::string& name, int output_fd) {
    const std::string whole = find_volume_name(engine, name);
    const auto data =
        engine.store_for_reading().paths().volume_data(engine.name_space(), whole).string();
    const sys::UniqueFd directory = sys::open(data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    doing([&] { return fmt::format("exporting volume {}", whole); },
          [&] {
              oci::TarWriter tar([output_fd](std::span<const std::byte> bytes) {
                  sys::write_all(output_fd,
                                 {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
              });
              (void)storage::write_tree(directory.get(),
                                        tar,
                                        {.form = storage::LayerForm::merged,
                                         .has_root = true,
                                         .is_layer = false,
                                         .mount_points = {},
                                         .stop = {}});
              tar.finish();
          });
}

void import_volume(Engine& engine, const std::string& name, int input_fd) {
    storage::Store& store = engine.store_for_writing();
    const std::string whole = find_volume_name(engine, name);
    const auto data = store.paths().volume_data(engine.name_space(), whole).string();
    const sys::DirFd root = sys::DirFd::open_root(data);
    doing([&] { return fmt::format("importing into volume {}", whole); },
          [&] { unpack_tar(input_fd, root, "/", {.owner = {}, .overwrites = true}); });
    storage::Transaction tx(store.db());
    store.records().volumes.set_used(tx, engine.name_space(), whole);
    tx.commit(storage::Durability::durable);
}

}  // namespace nau::engine
