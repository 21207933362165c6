#include "engine/store/check_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "storage/snapshots/tree_usage.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using Kind = StoreProblem::Kind;

class Inspection {
  public:
    Inspection(Engine& engine, const StoreCheckOptions& options)
        : store_(engine.store_for_reading()), options_(options) {}

    StoreCheck run() {
        check_database();
        check_blobs();
        check_foreign_files();
        check_layers();
        for (const auto& name_space : store_.records().namespaces.list()) {
            for (const auto& image : store_.records().images.list(name_space.name)) {
                check_image(image);
            }
            for (const auto& container : store_.records().containers.list(name_space.name)) {
                check_container(container);
            }
            check_volumes(name_space.name);
        }
        return std::move(check_);
    }

  private:
    void add(StoreProblem problem) { check_.problems.push_back(std::move(problem)); }

    void check_database() {
        for (const auto& text : store_.db().check_integrity()) {
            add({.kind = Kind::database, .text = "database: " + text});
        }
    }

    // --- content

    void check_blobs() {
        const auto blobs = store_.content().list_blobs();
        check_.blobs = blobs.size();
        for (const auto& blob : blobs) {
            check_.blob_bytes += blob.size_bytes;
        }
        if (options_.skips_digests) {
            return;
        }
        std::atomic<size_t> next = 0;
        std::mutex mutex;
        std::exception_ptr failure;
        const auto work = [&] {
            for (size_t i = next++; i < blobs.size(); i = next++) {
                try {
                    store_.content().verify_blob(blobs[i].digest);
                } catch (const Error& error) {
                    const std::lock_guard guard(mutex);
                    if (error.kind() == ErrorKind::corrupt || is_read_error(error)) {
                        damaged_.insert(blobs[i].digest.to_string());
                        add({.kind = Kind::damaged_blob,
                             .text = error.text(),
                             .blob = blobs[i].digest});
                    } else if (error.kind() != ErrorKind::not_found) {  // collected meanwhile
                        failure = std::current_exception();
                    }
                }
            }
        };
        {
            std::vector<std::jthread> threads;
            const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
            for (unsigned i = 0; i < count; ++i) {
                threads.emplace_back(work);
            }
        }
        if (failure) {
            std::rethrow_exception(failure);
        }
    }

    /// The disk cannot give the bytes any more.
    static bool is_read_error(const Error& error) noexcept {
        const auto* system = dynamic_cast<const SysError*>(&error);
        return system != nullptr && system->error() == EIO;
    }

    void check_foreign_files() {
        for (const auto algorithm : {oci::DigestAlgorithm::sha256, oci::DigestAlgorithm::sha512}) {
            const auto directory = store_.paths().blob_directory(algorithm);
            const auto entries = sys::list_directory_if_exists(directory);
            for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
                if (!storage::Paths::parse_blob_name(algorithm, entry.name)) {
                    const std::string path = directory / entry.name;
                    add({.kind = Kind::foreign_file,
                         .text = fmt::format("{}: not a file of nau", path),
                         .path = path});
                }
            }
        }
    }

    // --- layers

    void check_layers() {
        for (auto& snapshot : store_.snapshots().list()) {
            if (snapshot.kind != storage::SnapshotKind::committed) {
                continue;
            }
            const std::string key = snapshot.key.to_string();
            ++check_.layers;
            parents_[key] = snapshot.parent ? snapshot.parent->to_string() : std::string();
            if (const std::string problem = problem_of_tree(snapshot); !problem.empty()) {
                add({.kind = Kind::damaged_layer,
                     .text = fmt::format("layer {}: {}", key, problem),
                     .layer = snapshot});
            }
        }
    }

    /// What a power cut or a careless hand does to a tree: files are gone, empty or cut.
    std::string problem_of_tree(const storage::Snapshot& snapshot) {
        const std::string fs = store_.paths().snapshot_fs(snapshot.number);
        if (!sys::lstat_if_exists(fs)) {
            return fmt::format("its directory {} is gone", fs);
        }
        if (!snapshot.inodes || !snapshot.size_bytes) {
            return {};
        }
        const storage::SnapshotUsage found = storage::measure_tree(fs);
        if (found.inodes < *snapshot.inodes) {
            return fmt::format("{} of {} files are there", found.inodes, *snapshot.inodes);
        }
        if (found.content_bytes < *snapshot.size_bytes) {
            return fmt::format(
                "its files hold {} of {} bytes", found.content_bytes, *snapshot.size_bytes);
        }
        return {};
    }

    /// In an additional store, which is not ours to check.
    bool is_elsewhere(const std::string& key) const {
        return store_.snapshots().find_layer(oci::ChainId::parse(key)).has_value();
    }

    /// Where the stack ends too early; empty: it is complete.
    std::string missing_below(const std::string& top) const {
        std::string key = top;
        for (size_t depth = 0; depth <= parents_.size(); ++depth) {
            const auto found = parents_.find(key);
            if (found == parents_.end()) {
                return is_elsewhere(key) ? std::string() : key;
            }
            if (found->second.empty()) {
                return {};
            }
            key = found->second;
        }
        return key;  // a circle
    }

    // --- references

    void require_blob(const storage::Image& image,
                      const oci::Digest& digest,
                      std::string_view what) {
        if (damaged_.contains(digest.to_string())) {
            return;  // told already
        }
        if (!store_.content().has(digest)) {
            add({.kind = Kind::missing_blob,
                 .text = fmt::format(
                     "image {}: its {} {} is not in the store", image.name, what, digest),
                 .blob = digest,
                 .name_space = image.name_space,
                 .image = image.name});
        }
    }

    void check_image(const storage::Image& image) {
        ++check_.images;
        require_blob(image, image.target.digest, "manifest");
        if (image.manifest_digest && *image.manifest_digest != image.target.digest) {
            require_blob(image, *image.manifest_digest, "manifest");
        }
        if (image.image_id) {
            require_blob(image, *image.image_id, "config");
        }
        if (image.manifest_digest && store_.content().has(*image.manifest_digest) &&
            !damaged_.contains(image.manifest_digest->to_string())) {
            check_layers_of(image);
        }
        if (image.chain_id) {
            if (const auto missing = missing_below(image.chain_id->to_string()); !missing.empty()) {
                add({.kind = Kind::missing_layer,
                     .text = fmt::format("image {}: layer {} is not unpacked", image.name, missing),
                     .name_space = image.name_space,
                     .image = image.name});
            }
        }
    }

    void check_layers_of(const storage::Image& image) {
        try {
            const auto manifest = oci::parse_manifest(
                store_.content().read_blob(*image.manifest_digest, oci::kMaxManifestBytes), "");
            for (const auto& layer : manifest.layers) {
                require_blob(image, layer.digest, "layer");
            }
        } catch (const Error& error) {
            add({.kind = Kind::missing_blob,
                 .text = fmt::format("image {}: {}", image.name, error.text()),
                 .blob = image.manifest_digest,
                 .name_space = image.name_space,
                 .image = image.name});
        }
    }

    void check_container(const storage::ContainerSummary& container) {
        ++check_.containers;
        const auto snapshot = store_.snapshots().find(storage::SnapshotKey(container.id));
        const std::string name = fmt::format("container {}", container.id.short_id());
        if (!snapshot) {
            add({.kind = Kind::missing_layer,
                 .text = name + ": its writable layer has no record",
                 .name_space = container.name_space});
            return;
        }
        if (!snapshot->parent) {
            return;
        }
        if (const auto missing = missing_below(snapshot->parent->to_string()); !missing.empty()) {
            add({.kind = Kind::missing_layer,
                 .text = fmt::format("{}: layer {} is not unpacked", name, missing),
                 .name_space = container.name_space});
        }
    }

    void check_volumes(const std::string& name_space) {
        const auto entries = sys::list_directory_if_exists(store_.paths().volumes() / name_space);
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            if (!store_.records().volumes.find(name_space, entry.name)) {
                const std::string path = store_.paths().volumes() / name_space / entry.name;
                add({.kind = Kind::lost_volume,
                     .text = fmt::format("{}: a volume that no record knows", path),
                     .name_space = name_space,
                     .image = entry.name,
                     .path = path});
            }
        }
    }

    storage::Store& store_;
    const StoreCheckOptions& options_;
    StoreCheck check_;
    std::set<std::string> damaged_;               ///< digests
    std::map<std::string, std::string> parents_;  ///< committed snapshots; "": the lowest
};

}  // namespace

StoreCheck check_store(Engine& engine, const StoreCheckOptions& options) {
    return doing("checking the store", [&] { return Inspection(engine, options).run(); });
}

}  // namespace nau::engine
