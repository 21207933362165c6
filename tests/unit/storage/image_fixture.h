#pragma once

// A small image as a pull leaves it: manifest, config and layers in the content store, the layers
// committed as snapshots, the name in the records.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/identity.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "storage/store.h"
#include "tests/unit/storage/store_fixture.h"

namespace nau::test {

struct TestImage {
    std::string name;
    std::vector<std::string> layer_bytes;
    std::vector<oci::Descriptor> layers = {};
    std::vector<oci::ChainId> chain_ids = {};
    std::string config_bytes = {};
    std::string manifest_bytes = {};
    std::optional<oci::Descriptor> config = {};
    std::optional<oci::Descriptor> manifest = {};

    /// Manifest, config and layers.
    std::vector<oci::Digest> digests() const {
        std::vector<oci::Digest> all = {manifest->digest, config->digest};
        for (const auto& layer : layers) {
            all.push_back(layer.digest);
        }
        return all;
    }
};

inline TestImage make_image(std::string name, std::vector<std::string> layer_bytes) {
    TestImage image{.name = std::move(name), .layer_bytes = std::move(layer_bytes)};
    std::vector<oci::DiffId> diff_ids;
    for (const auto& bytes : image.layer_bytes) {
        image.layers.push_back(describe(bytes, oci::media_type::kLayer));
        diff_ids.emplace_back(oci::digest_of(bytes));
    }
    image.chain_ids = oci::chain_ids(diff_ids);
    oci::ImageConfig config{.platform = {.os = "linux", .architecture = "amd64"}};
    config.author = image.name;  // so that two images of the same layers differ
    config.diff_ids = diff_ids;
    image.config_bytes = oci::to_json_text(config);
    image.config = describe(image.config_bytes, oci::media_type::kImageConfig);
    const oci::Manifest manifest{.media_type = std::string(oci::media_type::kImageManifest),
                                 .config = *image.config,
                                 .layers = image.layers};
    image.manifest_bytes = oci::to_json_text(manifest);
    image.manifest = describe(image.manifest_bytes, oci::media_type::kImageManifest);
    return image;
}

inline storage::Image record_of(const storage::Store& store, const TestImage& image) {
    storage::Image record{.name_space = "default",
                          .name = image.name,
                          .target = *image.manifest,
                          .created = store.clock().now(),
                          .updated = store.clock().now()};
    record.manifest_digest = image.manifest->digest;
    record.image_id = image.config->digest;
    record.chain_id = image.chain_ids.back();
    return record;
}

/// What `pull` does, without a network.
inline void pull(storage::Store& store, const TestImage& image) {
    using storage::Durability;
    using storage::Transaction;
    auto& records = store.records();
    const std::string lease = "pull-" + image.name;
    {
        Transaction tx(store.db());
        (void)records.leases.remove(tx, lease);  // of an attempt that died
        records.leases.create(tx,
                              {.id = lease,
                               .name_space = "default",
                               .created = store.clock().now(),
                               .expires = store.clock().now() + std::chrono::hours(24),
                               .holder = sys::own_process_id(),
                               .boot_id = store.boot_id(),
                               .labels = {}});
        records.leases.add_blobs(tx, lease, image.digests());
        for (const auto& chain_id : image.chain_ids) {
            records.leases.add_snapshot(tx, lease, chain_id);
        }
        tx.commit(Durability::relaxed);
    }
    std::vector<storage::VerifiedIngest> verified;
    const auto fetch = [&](const oci::Descriptor& descriptor, std::string_view bytes) {
        if (auto ingest = store.content().begin_ingest(descriptor)) {
            ingest->write(bytes.substr(ingest->offset()));
            verified.push_back(std::move(*ingest).verify());
        }
    };
    fetch(*image.manifest, image.manifest_bytes);
    fetch(*image.config, image.config_bytes);
    for (size_t i = 0; i < image.layers.size(); ++i) {
        fetch(image.layers[i], image.layer_bytes[i]);
    }
    store.content().publish(std::move(verified));
    std::optional<oci::ChainId> parent;
    for (size_t i = 0; i < image.layers.size(); ++i) {
        if (!store.snapshots().find(image.chain_ids[i])) {
            const auto key = storage::SnapshotKey::parse("unpack-" + lease + std::to_string(i));
            (void)store.snapshots().remove(store.db(), key);
            (void)store.snapshots().prepare(
                store.db(), key, parent, {.lease = lease, .labels = {}});
            const auto target = store.snapshots().apply_target(key);
            sys::write_file_atomic(
                target.directory / "layer", image.layer_bytes[i], 0644, sys::Durability::relaxed);
            (void)store.snapshots().commit(key, image.chain_ids[i], {});
        }
        parent = image.chain_ids[i];
    }
    Transaction tx(store.db());
    records.images.put(tx, record_of(store, image));
    (void)records.leases.remove(tx, lease);
    tx.commit(Durability::durable);
}

}  // namespace nau::test
