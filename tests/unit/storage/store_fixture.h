#pragma once

// A store of its own in a temporary directory, with a clock that stands still until it is moved.

#include <string>
#include <string_view>

#include "base/time.h"
#include "storage/store.h"
#include "tests/support/temp_dir.h"

namespace nau::test {

class FakeClock final : public Clock {
  public:
    Time now() const override { return now_; }
    void advance(std::chrono::nanoseconds by) { now_ += by; }

  private:
    Time now_ = Time(std::chrono::seconds(1'790'000'000));
};

struct StoreFixture {
    TempDir dir{TempDir::Medium::memory};
    FakeClock clock;
    storage::Store store = open(storage::Access::write);

    storage::Store open(storage::Access access) {
        return storage::Store::open({.graph_root = dir.file("graph"),
                                     .run_root = dir.file("run"),
                                     .access = access,
                                     .clock = clock,
                                     .layer_form = storage::LayerForm::overlay_user});
    }
};

inline oci::Descriptor describe(std::string_view bytes,
                                std::string_view media_type = "application/octet-stream") {
    return {.media_type = std::string(media_type),
            .digest = oci::digest_of(bytes),
            .size_bytes = bytes.size()};
}

inline oci::ChainId chain_id_of(std::string_view text) {
    return oci::ChainId(oci::digest_of(text));
}

/// A committed layer with one file.
inline oci::ChainId add_layer(storage::Store& store,
                              std::string_view name,
                              const std::optional<oci::ChainId>& parent,
                              storage::SyncState sync = storage::SyncState::unsynced) {
    const auto key = storage::SnapshotKey::parse(std::string("unpack-") + std::string(name));
    {
        storage::Transaction tx(store.db());
        const auto snapshot = store.snapshots().prepare(tx, key, parent, {});
        tx.commit(storage::Durability::relaxed);
        store.snapshots().make_directories(snapshot);
    }
    const auto target = store.snapshots().apply_target(key);
    sys::write_file_atomic(target.directory / name, name, 0644, sys::Durability::relaxed);
    const auto chain_id = chain_id_of(name);
    (void)store.snapshots().commit(key, chain_id, {.sync = sync});
    return chain_id;
}

inline storage::Container make_container(const storage::Store& store, std::string_view name) {
    storage::Container container{{.id = storage::ContainerId::generate(),
                                  .name_space = "default",
                                  .name = std::string(name),
                                  .image_name = "docker.io/library/busybox:latest",
                                  .command = {"sh", "-c", "sleep 1000"},
                                  .created = store.clock().now()}};
    container.snapshot_key = container.id.to_string();
    container.config = "{}";
    container.spec = "{}";
    return container;
}

inline storage::ContainerId create_container(storage::Store& store,
                                             std::string_view name,
                                             const std::optional<oci::ChainId>& chain_id) {
    const auto container = make_container(store, name);
    storage::Transaction tx(store.db());
    store.records().containers.create(tx, container);
    const auto snapshot =
        store.snapshots().prepare(tx, storage::SnapshotKey(container.id), chain_id, {});
    tx.commit(storage::Durability::relaxed);
    store.snapshots().make_directories(snapshot);
    return container.id;
}

}  // namespace nau::test
