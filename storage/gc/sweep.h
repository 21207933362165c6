#pragma once

// Garbage collection: everything that no image, container or lease of any namespace reaches.
//
//   list blobs ─▶ roots (rows) ─▶ mark (reads manifests; no transaction) ─▶ BEGIN IMMEDIATE
//     ─▶ roots again, mark what is new ─▶ delete snapshot rows, rename blobs into the trash
//     ─▶ commit ─▶ rename snapshot directories into the trash
//
// Blobs are taken away inside the transaction. A pull writes its lease in a transaction before it
// looks for a blob, so it is either before this one (the blob is marked) or after it (the blob is
// gone, and is fetched again). The other order, commit and then remove, would let a blob disappear
// that a pull has just found. A crash in between loses nothing: what was taken was unreachable.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "storage/lock.h"

namespace nau::storage {

class Store;

struct CollectOptions {
    Time now = {};
    /// What a pull that was killed or failed has fetched is kept until its lease expires, and its
    /// partial downloads; an explicit prune takes them too, unless the process lives.
    bool keeps_resumable = true;
    /// Partial downloads without lease are kept so long, if `keeps_resumable`.
    std::chrono::seconds ingest_grace = std::chrono::hours(24);
    /// An active snapshot without lease whose container has no record is kept so long: its creator
    /// may be about to write one.
    std::chrono::seconds orphan_grace = std::chrono::hours(1);
    /// Says what would go, and removes nothing.
    bool is_dry_run = false;
};

struct Collected {
    std::vector<oci::Digest> blobs = {};
    std::vector<oci::Digest> ingests = {};
    std::vector<oci::ChainId> layers = {};  ///< committed snapshots
    size_t other_snapshots = 0;             ///< active ones and views without owner
    size_t leases = 0;                      ///< expired
    uint64_t freed_bytes = 0;               ///< blobs and ingests; layers by their known size
    uint64_t freed_ingest_bytes = 0;        ///< deleted at once; the rest is in the trash
};

/// The files are in the trash afterwards: Trash::empty() deletes them.
/// @pre the lock is exclusive
Collected collect_garbage(Store& store, const StoreLock& lock, const CollectOptions& options);

}  // namespace nau::storage
