#pragma once

// A blob whose digest nobody knows yet: a layer of our own making, an imported archive. It is a
// file without a name until it is complete, so that a crash leaves nothing.
//
//   write… ─▶ finish(): digest ─▶ the caller's lease names it, committed ─▶ publish(): durable,
//   visible
//
// The lease comes before publish(), or the collector may take the blob at once.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "oci/digest.h"
#include "storage/paths.h"
#include "sys/unique_fd.h"

namespace nau::storage {

class BlobWriter {
  public:
    /// `paths` must outlive it. @throws SysError
    explicit BlobWriter(const Paths& paths);
    ~BlobWriter() = default;
    BlobWriter(const BlobWriter&) = delete;
    BlobWriter& operator=(const BlobWriter&) = delete;
    BlobWriter(BlobWriter&&) = delete;
    BlobWriter& operator=(BlobWriter&&) = delete;

    /// @throws SysError (ENOSPC …)
    void write(std::span<const std::byte> bytes);
    uint64_t size_bytes() const noexcept { return size_bytes_; }
    /// Of all that was written. Nothing may be written afterwards.
    const oci::Digest& finish();
    /// For reading what was written, by pread(2); borrowed.
    int fd() const noexcept { return file_.get(); }
    /// @pre finish(). Does nothing more than the sync when the blob is there already.
    void publish();

  private:
    const Paths& paths_;
    sys::UniqueFd file_;
    oci::Hasher hasher_;
    std::optional<oci::Digest> digest_;
    uint64_t size_bytes_ = 0;
    uint64_t writeback_begun_ = 0;
};

}  // namespace nau::storage
