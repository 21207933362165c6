#include "engine/store/compare_layers.h"

#include <chrono>
#include <fcntl.h>
#include <map>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/pull_image.h"
#include "oci/media_type.h"
#include "storage/layers/apply.h"
#include "storage/layers/compare_trees.h"
#include "storage/store.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

struct KnownLayer {
    LayerToFetch layer;
    std::optional<oci::ChainId> parent;
};

class LayerComparison {
  public:
    LayerComparison(Engine& engine, const std::stop_token& stop)
        : engine_(engine), store_(engine.store_for_writing()), stop_(stop) {}

    std::vector<StoreProblem> run() {
        find_known_layers();
        create_lease();
        std::vector<StoreProblem> problems;
        for (const auto& snapshot : store_.snapshots().list_committed()) {
            const auto known = known_.find(snapshot.key.to_string());
            if (known == known_.end() ||
                !store_.content().has(known->second.layer.descriptor.digest)) {
                continue;
            }
            if (auto difference = compare(snapshot, known->second)) {
                problems.push_back(
                    {.kind = StoreProblem::Kind::damaged_layer,
                     .text = fmt::format("layer {}: {}", snapshot.key.to_string(), *difference),
                     .layer = snapshot});
            }
        }
        remove_lease();
        return problems;
    }

  private:
    /// What images and containers say of the layers: a snapshot does not know its blob.
    void find_known_layers() {
        for (const auto& name_space : store_.records().namespaces.list()) {
            for (const auto& image : store_.records().images.list(name_space.name)) {
                if (image.manifest_digest && image.image_id) {
                    note_layers(*image.manifest_digest, *image.image_id);
                }
            }
            for (const auto& each : store_.records().containers.list(name_space.name)) {
                const auto record = store_.records().containers.get(each.id);
                if (record.manifest_digest && record.image_id) {
                    note_layers(*record.manifest_digest, *record.image_id);
                }
            }
        }
    }

    void note_layers(const oci::Digest& manifest, const oci::Digest& image_id) {
        auto& content = store_.content();
        try {
            const auto layers = pair_layers(
                oci::parse_manifest(content.read_blob(manifest, oci::kMaxManifestBytes), ""),
                oci::parse_image_config(content.read_blob(image_id, oci::kMaxImageConfigBytes)));
            std::optional<oci::ChainId> parent;
            for (const auto& layer : layers) {
                known_.emplace(layer.chain_id.to_string(), KnownLayer{layer, parent});
                parent = layer.chain_id;
            }
        } catch (const Error& error) {
            NAU_LOG_DEBUG("{}, ignoring: the other checks tell", error.text());
        }
    }

    /// Should we die, the collector removes what it kept.
    void create_lease() {
        const Time now = engine_.clock().now();
        storage::Transaction tx(store_.db());
        store_.records().namespaces.ensure(tx, engine_.name_space(), now);
        store_.records().leases.create(tx,
                                       {.id = lease_,
                                        .name_space = engine_.name_space(),
                                        .created = now,
                                        .expires = now + std::chrono::hours(24),
                                        .holder = sys::own_process_id(),
                                        .boot_id = store_.boot_id(),
                                        .labels = {}});
        tx.commit(storage::Durability::relaxed);
    }

    void remove_lease() {
        storage::Transaction tx(store_.db());
        store_.records().leases.remove(tx, lease_);
        tx.commit(storage::Durability::relaxed);
    }

    std::optional<std::string> compare(const storage::Snapshot& snapshot, const KnownLayer& known) {
        auto& snapshots = store_.snapshots();
        const auto key = storage::SnapshotKey::parse(fmt::format("{}-{}", lease_, snapshot.number));
        try {
            snapshots.prepare(store_.db(),
                              key,
                              snapshots.can_rebase() ? std::nullopt : known.parent,
                              {.lease = lease_, .labels = {}});
            auto difference = unpack_and_compare(key, snapshot, known);
            snapshots.remove(store_.db(), key);
            return difference;
        } catch (const Error& error) {
            snapshots.remove(store_.db(), key);
            if (error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::not_found) {
                NAU_LOG_DEBUG("{}, ignoring: the other checks tell", error.text());
                return std::nullopt;
            }
            throw;
        }
    }

    std::optional<std::string> unpack_and_compare(const storage::SnapshotKey& key,
                                                  const storage::Snapshot& snapshot,
                                                  const KnownLayer& known) {
        const storage::ApplyTarget target = store_.snapshots().apply_target(key);
        const auto expected = sys::open(target.directory, O_RDONLY | O_DIRECTORY);
        std::vector<sys::UniqueFd> below;
        storage::ApplyOptions options;
        options.form = target.form;
        options.stop = stop_;
        if (known.parent && target.form != storage::LayerForm::merged) {
            for (const auto& directory : store_.snapshots().lower_dirs(*known.parent)) {
                below.push_back(sys::open(directory, O_PATH | O_DIRECTORY));
            }
            options.lower_dirs = [&] {
                std::vector<int> descriptors;
                for (const auto& directory : below) {
                    descriptors.push_back(directory.get());
                }
                return descriptors;
            };
        }
        const auto& descriptor = known.layer.descriptor;
        const auto blob = store_.content().open_blob(descriptor.digest);
        const auto read = [&](std::span<std::byte> buffer) {
            return sys::read_some(
                blob.get(), reinterpret_cast<char*>(buffer.data()), buffer.size());
        };
        (void)storage::apply_layer(
            read,
            oci::layer_compression(descriptor.media_type).value_or(oci::Compression::gzip),
            expected.get(),
            options);
        const auto found =
            sys::open(store_.paths().snapshot_fs(snapshot.number), O_RDONLY | O_DIRECTORY);
        return storage::find_difference(expected.get(), found.get(), stop_);
    }

    Engine& engine_;
    storage::Store& store_;
    const std::stop_token& stop_;
    const std::string lease_ = "check-" + sys::random_hex(8);
    std::map<std::string, KnownLayer> known_;  ///< by chainID
};

}  // namespace

std::vector<StoreProblem> compare_layers(Engine& engine, const std::stop_token& stop) {
    return doing("comparing layers with their blobs",
                 [&] { return LayerComparison(engine, stop).run(); });
}

}  // namespace nau::engine
