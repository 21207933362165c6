#include "engine/store/disk_usage.h"

#include <map>
#include <set>

#include "base/error.h"
#include "engine/engine.h"
#include "oci/manifest.h"
#include "storage/snapshots/tree_usage.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

uint64_t measure(const std::filesystem::path& path) {
    try {
        return sys::lstat_if_exists(path) ? storage::measure_tree(path).size_bytes : 0;
    } catch (const SysError& error) {
        if (error.error() == ENOENT || error.error() == ENOTDIR) {
            return 0;  // removed while we looked
        }
        throw;
    }
}

/// A directory or file without what is below it.
uint64_t measure_alone(const std::filesystem::path& path) {
    constexpr uint64_t kBlockBytes = 512;
    const auto status = sys::lstat_if_exists(path);
    return status ? static_cast<uint64_t>(status->st_blocks) * kBlockBytes : 0;
}

class Survey {
  public:
    explicit Survey(Engine& engine) : engine_(engine), store_(engine.store_for_reading()) {}

    DiskUsage run() {
        measure_snapshots();
        read_images();
        read_containers();
        read_volumes();
        measure_content();
        usage_.trash.size_bytes = storage::Trash(store_.paths()).usage().size_bytes;
        usage_.trash.reclaimable_bytes = usage_.trash.size_bytes;
        measure_metadata();
        for (const auto* part : {&usage_.images,
                                 &usage_.containers,
                                 &usage_.volumes,
                                 &usage_.blobs,
                                 &usage_.partials,
                                 &usage_.logs,
                                 &usage_.trash,
                                 &usage_.metadata}) {
            usage_.total_bytes += part->size_bytes;
        }
        return std::move(usage_);
    }

  private:
    using Key = std::string;

    void measure_snapshots() {
        std::map<int64_t, storage::Snapshot> by_number;
        for (auto& snapshot : store_.snapshots().list()) {
            by_number.emplace(snapshot.number, std::move(snapshot));
        }
        const auto entries = sys::list_directory_if_exists(store_.paths().snapshots());
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            const uint64_t size = measure(store_.paths().snapshots() / entry.name);
            const auto number = storage::Paths::parse_snapshot_name(entry.name);
            const auto found = number ? by_number.find(*number) : by_number.end();
            const bool is_layer =
                found != by_number.end() && found->second.kind == storage::SnapshotKind::committed;
            const bool is_containers = found != by_number.end() && found->second.lease.empty();
            if (!is_layer && !is_containers) {
                usage_.partials.size_bytes += size;  // being unpacked, or nobody's
                continue;
            }
            const auto& snapshot = found->second;
            (is_layer ? usage_.images : usage_.containers).size_bytes += size;
            sizes_[snapshot.key.to_string()] = size;
            if (snapshot.parent) {
                parents_[snapshot.key.to_string()] = snapshot.parent->to_string();
            }
        }
    }

    std::vector<Key> layers_of(const std::optional<oci::ChainId>& top) const {
        std::vector<Key> layers;
        if (!top) {
            return layers;
        }
        for (Key key = top->to_string(); sizes_.contains(key) && layers.size() <= sizes_.size();) {
            layers.push_back(key);
            const auto parent = parents_.find(key);
            if (parent == parents_.end()) {
                break;
            }
            key = parent->second;
        }
        return layers;
    }

    /// Blobs of an image for this platform; what cannot be read has none.
    void add_blobs(const storage::Image& image, std::set<std::string>& blobs) {
        blobs.insert(image.target.digest.to_string());
        if (image.image_id) {
            blobs.insert(image.image_id->to_string());
        }
        if (!image.manifest_digest) {
            return;
        }
        blobs.insert(image.manifest_digest->to_string());
        try {
            const auto manifest = oci::parse_manifest(
                store_.content().read_blob(*image.manifest_digest, oci::kMaxManifestBytes), "");
            for (const auto& layer : manifest.layers) {
                blobs.insert(layer.digest.to_string());
            }
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::corrupt) {
                throw;
            }
        }
    }

    void read_images() {
        std::map<Key, std::set<std::string>> images_of_layer;
        std::map<std::string, std::vector<Key>> layers_of_image;
        for (const auto& name_space : store_.records().namespaces.list()) {
            const auto users = store_.records().containers.count_by_image(name_space.name);
            for (const auto& image : store_.records().images.list(name_space.name)) {
                const std::string id = image.image_id.value_or(image.target.digest).to_string();
                const auto layers = layers_of(image.chain_id);
                const bool is_active = users.contains(id);
                if (layers_of_image.emplace(id, layers).second) {
                    usage_.images.count += 1;
                    usage_.images.active_count += is_active ? 1 : 0;
                }
                for (const auto& layer : layers) {
                    images_of_layer[layer].insert(id);
                    if (is_active) {
                        active_layers_.insert(layer);
                    }
                }
                if (is_active) {
                    add_blobs(image, active_blobs_);
                }
            }
        }
        list_images_with_sizes(images_of_layer, layers_of_image);
    }

    void list_images_with_sizes(const std::map<Key, std::set<std::string>>& images_of_layer,
                                const std::map<std::string, std::vector<Key>>& layers_of_image) {
        for (auto& image : list_own_images(engine_)) {
            ImageUsage usage{.image = std::move(image)};
            const auto layers = layers_of_image.find("sha256:" + usage.image.id);
            if (layers != layers_of_image.end()) {
                for (const auto& layer : layers->second) {
                    const uint64_t size = sizes_.at(layer);
                    usage.size_bytes += size;
                    (images_of_layer.at(layer).size() > 1 ? usage.shared_bytes
                                                          : usage.unique_bytes) += size;
                }
            }
            usage_.image_list.push_back(std::move(usage));
        }
    }

    void read_containers() {
        for (const auto& name_space : store_.records().namespaces.list()) {
            for (const auto& container : store_.records().containers.list(name_space.name)) {
                const auto parent = parents_.find(container.id.to_string());
                if (parent != parents_.end()) {
                    for (const auto& layer : layers_of(oci::ChainId::parse(parent->second))) {
                        active_layers_.insert(layer);
                    }
                }
            }
        }
        const auto entries = sys::list_directory_if_exists(store_.paths().containers());
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            const uint64_t size = measure(store_.paths().containers() / entry.name);
            logs_[entry.name] = size;
            usage_.logs.size_bytes += size;
            usage_.logs.count += 1;
        }
        const auto all =
            list_containers(engine_, {.includes_stopped = true, .filters = {}, .last = {}});
        for (const auto& container : all) {
            const auto size = sizes_.find(container.id);
            const auto log = logs_.find(container.id);
            const bool is_up = container.status == ContainerStatus::running ||
                               container.status == ContainerStatus::paused ||
                               container.status == ContainerStatus::stopping;
            ContainerUsage usage{.container = container,
                                 .size_bytes = size == sizes_.end() ? 0 : size->second,
                                 .log_bytes = log == logs_.end() ? 0 : log->second};
            usage_.containers.count += 1;
            usage_.containers.active_count += is_up ? 1 : 0;
            usage_.containers.reclaimable_bytes += is_up ? 0 : usage.size_bytes;
            usage_.logs.active_count += is_up && usage.log_bytes > 0 ? 1 : 0;
            usage_.logs.reclaimable_bytes += is_up ? 0 : usage.log_bytes;
            usage_.container_list.push_back(std::move(usage));
        }
        for (const auto& [key, size] : sizes_) {
            const bool is_layer = key.find(':') != key.npos;
            if (is_layer && !active_layers_.contains(key)) {
                usage_.images.reclaimable_bytes += size;
            }
        }
    }

    void read_volumes() {
        auto& volumes = store_.records().volumes;
        for (const auto& volume : volumes.list(engine_.name_space())) {
            const auto users = volumes.users(engine_.name_space(), volume.name);
            VolumeUsage usage{
                .name = volume.name,
                .link_count = users.size(),
                .size_bytes = measure(store_.paths().volume(engine_.name_space(), volume.name))};
            for (auto& container : usage_.container_list) {
                for (const auto& user : users) {
                    container.volume_count += user.to_string() == container.container.id ? 1 : 0;
                }
            }
            usage_.volumes.count += 1;
            usage_.volumes.active_count += users.empty() ? 0 : 1;
            usage_.volumes.reclaimable_bytes += users.empty() ? usage.size_bytes : 0;
            usage_.volume_list.push_back(std::move(usage));
        }
        usage_.volumes.size_bytes = measure(store_.paths().volumes());
    }

    void measure_content() {
        usage_.blobs.size_bytes = measure(store_.paths().blobs());
        for (const auto& blob : store_.content().list_blobs()) {
            usage_.blobs.count += 1;
            if (active_blobs_.contains(blob.digest.to_string())) {
                usage_.blobs.active_count += 1;
            } else {
                usage_.blobs.reclaimable_bytes += measure_alone(store_.paths().blob(blob.digest));
            }
        }
        usage_.partials.size_bytes += measure(store_.paths().ingests());
        for (const auto& ingest : store_.content().list_ingests()) {
            usage_.partials.count += 1;
            usage_.partials.active_count += ingest.is_active ? 1 : 0;
        }
        usage_.partials.reclaimable_bytes = usage_.partials.size_bytes;
    }

    void measure_metadata() {
        const auto& paths = store_.paths();
        const std::set<std::filesystem::path> counted = {
            paths.content(), paths.snapshots(), paths.trash(), paths.volumes(), paths.containers()};
        uint64_t& size = usage_.metadata.size_bytes;
        size = measure_alone(paths.graph_root());
        const auto entries = sys::list_directory_if_exists(paths.graph_root());
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            const auto path = paths.graph_root() / entry.name;
            if (!counted.contains(path)) {
                size +=
                    entry.type == sys::FileType::directory ? measure(path) : measure_alone(path);
            }
        }
        for (const auto& directory : {paths.content(), paths.snapshots(), paths.containers()}) {
            size += measure_alone(directory);
        }
    }

    Engine& engine_;
    storage::Store& store_;
    DiskUsage usage_;
    std::map<Key, uint64_t> sizes_;  ///< of snapshots, by key
    std::map<Key, Key> parents_;
    std::map<std::string, uint64_t> logs_;
    std::set<Key> active_layers_;
    std::set<std::string> active_blobs_;
};

}  // namespace

DiskUsage disk_usage(Engine& engine) {
    return doing("measuring the store", [&] { return Survey(engine).run(); });
}

}  // namespace nau::engine
