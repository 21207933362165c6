#pragma once

// Where reachability begins and how it spreads: images, containers and leases of all namespaces;
// manifests to configs and layers, indexes to manifests, image configs to the layer stacks that
// their diffIDs name, snapshots to their parents.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "storage/gc/mark.h"
#include "storage/records/leases.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

class Store;

namespace gc {

struct RootOptions {
    Time now;
    /// Leases whose process is gone count until they expire: what a killed pull has fetched.
    bool keeps_resumable = true;
    /// Active snapshots that nobody owns (yet) are kept so long.
    std::chrono::seconds orphan_grace{0};
};

class Graph {
  public:
    explicit Graph(Store& store) : store_(store) {}

    /// Reads the rows, and remembers the snapshots' parents for references().
    std::vector<Node> read_roots(const RootOptions& options);
    /// Leases that protect nothing any more; as of the last read_roots().
    const std::vector<std::string>& dead_leases() const noexcept { return dead_leases_; }
    /// As of the last read_roots().
    const std::vector<Snapshot>& snapshots() const noexcept { return snapshots_; }

    /// What is absent or unreadable refers to nothing (damage is logged).
    std::vector<Node> references(const Node& node);

  private:
    void add_image_roots(std::vector<Node>& roots);
    void add_container_roots(std::vector<Node>& roots);
    /// Returns the leases that keep content, and of those the ones whose holder lives.
    struct LiveLeases {
        std::set<std::string> keeping;
        std::set<std::string> held;
    };
    LiveLeases add_lease_roots(std::vector<Node>& roots, const RootOptions& options);
    void add_snapshot_roots(std::vector<Node>& roots,
                            const LiveLeases& leases,
                            const RootOptions& options);
    std::vector<Node> references_of_blob(const std::string& digest);
    std::vector<Node> references_of_snapshot(const std::string& key) const;
    Node blob_node(const std::string& digest, std::string_view media_type);

    Store& store_;
    std::vector<Snapshot> snapshots_;
    std::map<std::string, std::string> parents_;  ///< snapshot key → parent's key
    std::vector<std::string> dead_leases_;
    std::map<std::string, std::string> media_types_;  ///< digest → what its referrer says it is
};

}  // namespace gc
}  // namespace nau::storage
