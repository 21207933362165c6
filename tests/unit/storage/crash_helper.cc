// One life of a store, from its creation to an empty one, as a process that a test can kill
// anywhere:
//   storage-crash-helper DIRECTORY
// It can be run again on what is left, and must then get to the end. Exit status: 0 done, 3 an
// error, whose text is on stdout.

#include <cstdio>

#include "base/error.h"
#include "storage/gc/sweep.h"
#include "storage/trash.h"
#include "tests/unit/storage/crash_images.h"

namespace nau {
namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a test of that module

void collect(Store& store, Time now) {
    const auto lock = StoreLock::acquire(store.paths(), LockMode::exclusive);
    (void)collect_garbage(store, lock, {.now = now, .keeps_resumable = false});
    (void)Trash(store.paths()).empty();
}

void run_container(Store& store, const test::TestImage& image) {
    auto container = test::make_container(store, "crash");
    if (store.records().containers.find_by_name("default", container.name)) {
        return;
    }
    container.manifest_digest = image.manifest->digest;
    container.image_id = image.config->digest;
    Transaction tx(store.db());
    store.records().containers.create(tx, container);
    const auto snapshot =
        store.snapshots().prepare(tx, SnapshotKey(container.id), image.chain_ids.back(), {});
    tx.commit(Durability::durable);
    store.snapshots().make_directories(snapshot);
}

void remove_container(Store& store) {
    const auto id = store.records().containers.find_by_name("default", "crash");
    if (!id) {
        return;
    }
    Transaction tx(store.db());
    const auto snapshot = store.snapshots().remove(tx, SnapshotKey(*id));
    (void)store.records().containers.remove(tx, *id);
    tx.commit(Durability::relaxed);
    if (snapshot) {
        store.snapshots().discard(*snapshot);
    }
}

void live(const std::string& directory) {
    const SystemClock clock;
    Store store = test::open_crash_store(directory, clock);
    const auto images = test::crash_images();
    for (const auto& image : images) {
        test::pull(store, image);
    }
    (void)store.snapshots().sync_pending();
    run_container(store, images.front());
    (void)store.db().checkpoint();
    collect(store, clock.now());
    remove_container(store);
    {
        Transaction tx(store.db());
        (void)store.records().images.remove(tx, "default", images.front().name);
        tx.commit(Durability::relaxed);
    }
    collect(store, clock.now());
    store.upkeep();
}

}  // namespace
}  // namespace nau

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    try {
        nau::live(argv[1]);
    } catch (const nau::Error& error) {
        (void)std::puts(error.what());
        return 3;
    }
    return 0;
}
