#pragma once

// Blobs by digest. A file below blobs/ is complete, verified and durable, or it is not there: the
// files are the truth, and the database only says who needs them.
//
//   begin_ingest ─▶ Ingest ─write…─▶ verify() ─▶ VerifiedIngest ─publish()─▶ blob
//        ▲             │                              │
//        └── resumes ──┴── dies, or is dropped: the partial file stays, for the next pull
//
//   publish: fsync of each file ─▶ rename of each ─▶ fsync of the directory, once for all
//
// One ingest of a digest has one writer in the whole machine (a lock on its file). Others wait for
// it, or read along with IngestReader. All members may be called from any thread; an Ingest
// belongs to one at a time.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "storage/content/ingest.h"
#include "storage/paths.h"
#include "sys/unique_fd.h"

namespace nau::storage {

struct BlobInfo {
    oci::Digest digest;
    uint64_t size_bytes = 0;
    Time modified = {};
};

struct IngestInfo {
    oci::Digest digest;
    uint64_t size_bytes = 0;  ///< so far
    Time modified = {};
    bool is_active = false;  ///< somebody is writing it
};

class ContentStore {
  public:
    /// `further`: other stores, whose blobs are read where the own one has none, and are never
    /// changed.
    explicit ContentStore(const Paths& paths, std::vector<Paths> further = {})
        : paths_(paths), further_(std::move(further)) {}

    bool has(const oci::Digest& digest) const;
    std::optional<uint64_t> find_size(const oci::Digest& digest) const;
    /// @throws Error{not_found}
    uint64_t blob_size(const oci::Digest& digest) const;
    /// For reading. The bytes were verified when they came; see verify_blob(). @throws
    /// Error{not_found}
    sys::UniqueFd open_blob(const oci::Digest& digest) const;
    /// The whole of a small blob, verified. @throws Error{not_found}, {invalid} longer than
    /// `max_bytes`, {corrupt} the bytes are not those of the digest any more
    std::string read_blob(const oci::Digest& digest, size_t max_bytes) const;
    /// Reads all of it. @throws Error{not_found}, {corrupt}
    void verify_blob(const oci::Digest& digest) const;

    /// A blob from memory; does nothing when it exists. Durable on return.
    /// @throws Error{corrupt} when the bytes are not those of `expected`
    void write_blob(const oci::Descriptor& expected, std::string_view bytes);

    /// The right to write a blob; nullopt when it is complete already, at the beginning or after
    /// waiting for another writer. A partial file is resumed: Ingest::offset() tells how much is
    /// there, and it has been hashed again.
    /// @throws Error{interrupted} when `stop` is requested while waiting; SysError
    std::optional<Ingest> begin_ingest(const oci::Descriptor& expected,
                                       const std::stop_token& stop = {});
    /// Also nullopt, with `is_busy` set, instead of waiting.
    struct TryIngest {
        std::optional<Ingest> ingest;
        bool is_busy = false;
    };
    TryIngest try_begin_ingest(const oci::Descriptor& expected);

    /// Makes verified ingests blobs, all durable on return, for the price of about one. A blob that
    /// exists meanwhile is left as it is.
    void publish(std::vector<VerifiedIngest> ingests);

    /// The blob is in use now: its time of modification says so, which costs no transaction. For
    /// the image config that a container is made from. Absent is fine.
    void note_use(const oci::Digest& digest) const noexcept;
    /// When it came, or was last used; nullopt: absent.
    std::optional<Time> last_use(const oci::Digest& digest) const;

    /// In no order.
    std::vector<BlobInfo> list_blobs() const;
    std::vector<IngestInfo> list_ingests() const;
    /// false when there was none. Whether somebody needs it is the caller's business (gc/sweep.h).
    bool remove_blob(const oci::Digest& digest);
    /// false when there was none, or when somebody is writing it.
    bool remove_ingest(const oci::Digest& digest);

  private:
    /// Where the blob is, else where it would be.
    std::filesystem::path locate(const oci::Digest& digest) const;

    const Paths& paths_;
    std::vector<Paths> further_;
};

}  // namespace nau::storage
