#include "engine/container/commit_container.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "engine/container/container_config.h"
#include "engine/container/container_root.h"
#include "engine/container/lifecycle.h"
#include "engine/container/locked_container.h"
#include "engine/container/snapshot_view.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/image_change.h"
#include "engine/image/new_layer.h"
#include "engine/image/store_image.h"
#include "engine/system/record_event.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "storage/layers/diff.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A running container stands still while this lives.
class Pause {
  public:
    Pause(Engine& engine, const std::string& container, bool is_wanted)
        : engine_(engine), container_(container) {
        storage::Store& store = engine.store_for_writing();
        const auto state = get_container(store, find_container(engine, container)).state;
        if (!is_wanted || state.status == storage::ContainerStatus::paused ||
            !find_init(store, state)) {
            return;
        }
        pause_container(engine, container);
        is_paused_ = true;
    }
    ~Pause() {
        if (!is_paused_) {
            return;
        }
        try {
            unpause_container(engine_, container_);
        } catch (const std::exception& error) {
            NAU_LOG_WARN("letting container {} go on: {}, ignoring", container_, error.what());
        }
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    Pause(Pause&&) = delete;
    Pause& operator=(Pause&&) = delete;

  private:
    Engine& engine_;
    std::string container_;
    bool is_paused_ = false;
};

struct Base {
    std::vector<oci::Descriptor> layers;
    oci::ImageConfig config;
};

/// The image that the container was made from; its blobs are kept as long as the container.
Base read_base(storage::ContentStore& content, const storage::Container& record) {
    Base base;
    if (record.manifest_digest && record.image_id) {
        base.layers = oci::parse_manifest(
                          content.read_blob(*record.manifest_digest, oci::kMaxManifestBytes), "")
                          .layers;
        base.config =
            oci::parse_image_config(content.read_blob(*record.image_id, oci::kMaxImageConfigBytes));
        return base;
    }
    base.config.platform = oci::host_platform();
    return base;
}

/// nullopt: nothing was changed.
std::optional<MadeLayer> write_changes(Engine& engine,
                                       ImageLease& lease,
                                       const storage::Container& record,
                                       bool is_squashed,
                                       const std::stop_token& stop) {
    storage::Store& store = engine.store_for_writing();
    const auto mount = root_of_container(store, record);
    storage::WriteTreeOptions options;
    options.mount_points = mount_points_of(record);
    options.stop = stop;
    NewLayer layer(engine, oci::Compression::gzip);
    oci::TarWriter tar(layer.sink());
    storage::WrittenTree written;
    if (is_squashed || !rootfs_directory_of(record).empty()) {
        const sys::UniqueFd tree = open_merged(mount);
        options.form = storage::LayerForm::merged;
        options.has_root = true;
        written = storage::write_tree(tree.get(), tar, options);
    } else {
        const SnapshotView view = open_own_layer(mount);
        options.form = view.form;
        options.has_root = has_changed_root(view);
        if (view.form == storage::LayerForm::merged && view.below) {
            options.origin = view.below.get();
        }
        written = storage::write_tree(view.own.get(), tar, options);
    }
    if (written.members == 0) {
        return std::nullopt;
    }
    tar.finish();
    return layer.finish(lease);
}

oci::HistoryEntry history_entry(const CommitOptions& options,
                                const storage::Container& record,
                                Time now,
                                bool is_empty) {
    return {.created = now,
            .created_by = fmt::format("{}", fmt::join(record.command, " ")),
            .author = options.author,
            .comment = options.message,
            .empty_layer = is_empty};
}

ImageToStore build_image(const CommitOptions& options,
                         Base base,
                         const storage::Container& record,
                         const std::optional<MadeLayer>& layer,
                         Time now) {
    if (options.is_squashed) {
        base.layers.clear();
        base.config.diff_ids.clear();
        base.config.history.clear();
    }
    if (layer) {
        base.layers.push_back(layer->descriptor);
        base.config.diff_ids.push_back(layer->diff_id);
    }
    base.config.created = now;
    if (!options.author.empty()) {
        base.config.author = options.author;
    }
    base.config.config =
        defaults_of_container(base.config.config, record, parse_container_config(record.config));
    apply_changes(base.config.config, options.changes);
    base.config.history.push_back(history_entry(options, record, now, !layer));
    ImageToStore image = make_image(base.config,
                                    std::move(base.layers),
                                    options.is_docker_format ? oci::media_type::kDockerManifest
                                                             : oci::media_type::kImageManifest);
    if (!options.name.empty()) {
        image.names.push_back(oci::parse_reference(options.name));
    }
    image.action = "commit";
    return image;
}

bool has_name(std::string_view entry, std::string_view name) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

/// What every container gets is not the image's.
bool is_engines_own(std::string_view entry) {
    for (const auto name : {"container", "TERM", "HOSTNAME", "HOME"}) {
        if (has_name(entry, name)) {
            return true;
        }
    }
    return entry == kDefaultPath;
}

std::vector<std::string> env_of(const std::vector<std::string>& image,
                                const std::vector<std::string>& container) {
    std::vector<std::string> env;
    for (const auto& entry : container) {
        const auto pair = split_once(entry, '=');
        const bool is_in_image =
            pair && std::any_of(image.begin(), image.end(), [&](const std::string& other) {
                return has_name(other, pair->first);
            });
        if (is_in_image || !is_engines_own(entry)) {
            env.push_back(entry);
        }
    }
    return env;
}

}  // namespace

oci::ContainerDefaults defaults_of_container(const oci::ContainerDefaults& image,
                                             const storage::Container& record,
                                             const ContainerConfig& config) {
    oci::ContainerDefaults defaults = image;
    const json::Value spec = json::parse(record.spec, "runtime spec of the container");
    if (const auto process = json::Field(spec, "runtime spec of the container").find("process")) {
        defaults.env = env_of(image.env, process->string_list_or_empty("env"));
    }
    defaults.entrypoint = config.entrypoint;
    defaults.cmd = config.command;
    const bool begins_with_entrypoint =
        config.entrypoint.size() <= config.command.size() &&
        std::equal(config.entrypoint.begin(), config.entrypoint.end(), config.command.begin());
    if (begins_with_entrypoint) {
        defaults.cmd.erase(
            defaults.cmd.begin(),
            defaults.cmd.begin() + static_cast<std::ptrdiff_t>(config.entrypoint.size()));
    }
    defaults.user = config.user;
    // What nobody has set stays unset.
    if (config.workdir != "/" || !image.working_dir.empty()) {
        defaults.working_dir = config.workdir;
    }
    if (config.stop_signal != "SIGTERM" || !image.stop_signal.empty()) {
        defaults.stop_signal = config.stop_signal;
    }
    defaults.labels = record.labels;
    return defaults;
}

oci::Digest commit_container(Engine& engine, const CommitOptions& options, std::stop_token stop) {
    oci::ContainerDefaults scratch;
    apply_changes(scratch, options.changes);  // mistakes are told before the work
    if (!options.name.empty() && oci::parse_reference(options.name).digest()) {
        throw Error(ErrorKind::invalid, "'{}' has a digest; a new name is a tag", options.name);
    }
    return doing([&] { return fmt::format("committing {}", options.container); },
                 [&] {
                     const Pause pause(engine, options.container, options.pauses);
                     LockedContainer locked = get_locked(engine, options.container);
                     storage::Store& store = engine.store_for_writing();
                     const storage::Container record = get_container(store, locked.container.id);
                     ImageLease lease(engine, "commit");
                     Base base = read_base(store.content(), record);
                     const auto layer =
                         write_changes(engine, lease, record, options.is_squashed, stop);
                     const ImageToStore image =
                         build_image(options, std::move(base), record, layer, engine.clock().now());
                     return store_image(engine, lease, image, {}, stop);
                 });
}

}  // namespace nau::engine
