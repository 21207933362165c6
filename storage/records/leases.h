#pragma once

// A lease keeps blobs, ingests and snapshots alive that nothing else refers to yet: what a pull has
// fetched before the image has a name. It ends when it is removed, when it expires, or when the
// process that holds it is gone (then its ingests stay until the expiry, so that a killed pull can
// be resumed).
//
// Order matters: first add_blobs() in a committed transaction, then look whether the blob is there.
// The collector decides and removes inside one transaction, so it either sees the lease or has
// removed the blob before it is looked for.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"
#include "sys/process.h"

namespace nau::storage {

struct Lease {
    std::string id = {};
    std::string name_space = {};
    Time created = {};
    Time expires = {};
    sys::ProcessId holder = {};  ///< pid 0: none, the expiry alone counts
    std::string boot_id = {};    ///< of the holder
    Labels labels = {};
};

class Leases {
  public:
    explicit Leases(Database& db) : db_(db) {}

    /// @throws Error{already_exists}
    void create(Transaction& tx, const Lease& lease);
    /// @throws Error{not_found} no such lease (it has expired and was collected)
    void add_blobs(Transaction& tx, std::string_view lease, std::span<const oci::Digest> digests);
    /// A committed stack, and so all below it.
    void add_snapshot(Transaction& tx, std::string_view lease, const oci::ChainId& chain_id);
    /// false when it is gone.
    bool extend(Transaction& tx, std::string_view lease, Time expires);
    std::optional<Lease> find(std::string_view lease);
    std::vector<Lease> list(std::string_view name_space);
    std::vector<Lease> list_all();
    std::vector<oci::Digest> blobs(std::string_view lease);
    std::vector<oci::ChainId> snapshots(std::string_view lease);
    /// false when it is gone. Its snapshots that are still active are the collector's.
    bool remove(Transaction& tx, std::string_view lease);

  private:
    Database& db_;
};

}  // namespace nau::storage
