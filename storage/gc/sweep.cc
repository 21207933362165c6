#include "storage/gc/sweep.h"

#include <set>

#include "base/assert.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/gc/graph.h"
#include "storage/gc/mark.h"
#include "storage/rebuild/copies.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

using gc::Graph;
using gc::Node;
using gc::NodeKind;

class Sweep {
  public:
    Sweep(Store& store, const CollectOptions& options)
        : store_(store),
          options_(options),
          trash_(store.paths()),
          graph_(store),
          blobs_(store.content().list_blobs()),
          ingests_(store.content().list_ingests()) {}

    Collected run() {
        mark();  // outside of the transaction: this is what takes time
        {
            Transaction tx(store_.db());
            mark();  // what has come meanwhile
            NAU_FAIL_POINT("gc.sweep.after_mark");
            sweep_leases(tx);
            sweep_snapshots(tx);
            sweep_blobs();
            NAU_FAIL_POINT("gc.sweep.before_commit");
            if (!options_.is_dry_run) {
                tx.commit(Durability::relaxed);
            }
        }
        NAU_FAIL_POINT("gc.sweep.after_commit");
        sweep_ingests();
        if (!options_.is_dry_run) {
            for (const auto& snapshot : dead_snapshots_) {
                store_.snapshots().throw_away(snapshot);
            }
            (void)store_.snapshots().discard_orphans();  // how many is of no interest here
            sweep_container_files();
        }
        return std::move(collected_);
    }

  private:
    void mark() {
        const auto roots = graph_.read_roots({.now = options_.now,
                                              .keeps_resumable = options_.keeps_resumable,
                                              .orphan_grace = options_.orphan_grace});
        gc::mark(
            roots, [this](const Node& node) { return graph_.references(node); }, marked_);
    }

    bool is_marked(NodeKind kind, const std::string& key) const {
        return marked_.contains(Node{.kind = kind, .key = key});
    }

    void sweep_leases(Transaction& tx) {
        for (const auto& id : graph_.dead_leases()) {
            collected_.leases += store_.records().leases.remove(tx, id) ? 1 : 0;
        }
    }

    /// A marked child marks its parent, so the children of what goes go too, and in any order.
    void sweep_snapshots(Transaction& tx) {
        Statement remove(tx.db(), "DELETE FROM snapshots WHERE number = ?1");
        for (const auto& snapshot : graph_.snapshots()) {
            if (is_marked(NodeKind::snapshot, snapshot.key.to_string())) {
                continue;
            }
            remove.bind(1, snapshot.number).run();
            dead_snapshots_.push_back(snapshot);
            if (snapshot.kind == SnapshotKind::committed) {
                collected_.layers.push_back(oci::ChainId::parse(snapshot.key.to_string()));
                collected_.freed_bytes += snapshot.size_bytes.value_or(0);
            } else {
                ++collected_.other_snapshots;
            }
        }
    }

    void sweep_blobs() {
        for (const auto& blob : blobs_) {
            if (is_marked(NodeKind::blob, blob.digest.to_string())) {
                continue;
            }
            NAU_FAIL_POINT("gc.sweep.blob");
            // Renamed: freeing gigabytes takes longer than others should wait for the transaction.
            if (!options_.is_dry_run && !trash_.take(store_.paths().blob(blob.digest))) {
                continue;
            }
            collected_.blobs.push_back(blob.digest);
            collected_.freed_bytes += blob.size_bytes;
        }
    }

    /// After the commit: whoever begins one now has to lock it first, and finds it or makes it.
    void sweep_ingests() {
        for (const auto& ingest : ingests_) {
            const bool is_fresh =
                options_.keeps_resumable && ingest.modified + options_.ingest_grace > options_.now;
            if (ingest.is_active || is_fresh ||
                is_marked(NodeKind::ingest, ingest.digest.to_string())) {
                continue;
            }
            if (!options_.is_dry_run && !store_.content().remove_ingest(ingest.digest)) {
                continue;
            }
            collected_.ingests.push_back(ingest.digest);
            collected_.freed_ingest_bytes += ingest.size_bytes;
            collected_.freed_bytes += ingest.size_bytes;
        }
    }

    /// Of containers that were killed while being removed. First the names, then the rows: a row is
    /// committed before anything else is made.
    void sweep_container_files() {
        const auto entries = sys::list_directory_if_exists(store_.paths().containers());
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            const auto id = ContainerId::try_parse(entry.name);
            if (!id || !store_.records().containers.find_state(*id)) {
                (void)trash_.take(store_.paths().containers() / entry.name);  // absent: gone
            }
        }
        remove_orphaned_copies(store_.paths(), store_.records().containers);
    }

    Store& store_;
    const CollectOptions& options_;
    Trash trash_;
    Graph graph_;
    std::vector<BlobInfo> blobs_;
    std::vector<IngestInfo> ingests_;
    std::set<Node> marked_;
    std::vector<Snapshot> dead_snapshots_;
    Collected collected_;
};

}  // namespace

Collected collect_garbage(Store& store, const StoreLock& lock, const CollectOptions& options) {
    NAU_ASSERT(lock.mode() == LockMode::exclusive);
    return doing("collecting garbage", [&] { return Sweep(store, options).run(); });
}

}  // namespace nau::storage
