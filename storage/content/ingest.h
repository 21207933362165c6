#pragma once

// An unfinished blob: one growing file, hashed as it grows, with one writer. The size limit is the
// descriptor's: a registry that sends more is stopped at the first byte too many.
//
// Readers of the same process can follow the file while it grows (unpack while downloading). They
// see the end only after size and digest have been verified: what they have made of the bytes
// until then must not be committed before.
//
//   Ingest ─write…─▶ verify ─▶ readers see the end ─▶ publish
//      └─ dropped or digest wrong ─▶ readers throw

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string_view>

#include "oci/descriptor.h"
#include "sys/unique_fd.h"

namespace nau::storage {

struct IngestState;

/// Reads a growing ingest from its beginning, sleeping while there is nothing new. May outlive the
/// Ingest. One thread at a time.
class IngestReader {
  public:
    /// At least one byte, or 0 at the verified end. @throws Error{interrupted} when the ingest was
    /// given up or `stop` is requested, {corrupt} when its digest turned out wrong
    size_t read(std::span<std::byte> buffer, const std::stop_token& stop = {});
    uint64_t offset() const noexcept { return offset_; }

  private:
    friend class Ingest;
    explicit IngestReader(std::shared_ptr<IngestState> state);

    std::shared_ptr<IngestState> state_;
    sys::UniqueFd fd_;
    uint64_t offset_ = 0;
    uint64_t restarts_ = 0;
};

/// Complete and right, but not durable and not visible yet. Dropping it keeps the file as a partial
/// ingest that is resumed at its end.
class [[nodiscard]] VerifiedIngest {
  public:
    VerifiedIngest(VerifiedIngest&&) noexcept = default;
    VerifiedIngest& operator=(VerifiedIngest&& other) noexcept;
    VerifiedIngest(const VerifiedIngest&) = delete;
    VerifiedIngest& operator=(const VerifiedIngest&) = delete;
    ~VerifiedIngest();

    const oci::Digest& digest() const noexcept;

  private:
    friend class Ingest;
    friend class ContentStore;
    explicit VerifiedIngest(std::shared_ptr<IngestState> state) noexcept;

    std::shared_ptr<IngestState> state_;
};

class [[nodiscard]] Ingest {
  public:
    Ingest(Ingest&&) noexcept = default;
    Ingest& operator=(Ingest&& other) noexcept;
    Ingest(const Ingest&) = delete;
    Ingest& operator=(const Ingest&) = delete;
    /// Keeps the partial file, lets go of the lock, wakes the readers.
    ~Ingest();

    const oci::Descriptor& expected() const noexcept;
    /// Bytes that are there: what a range request begins at.
    uint64_t offset() const noexcept;
    /// @throws Error{corrupt} more bytes than the descriptor says; SysError (ENOSPC …)
    void write(std::span<const std::byte> bytes);
    void write(std::string_view bytes);
    /// Throws away what is there, for a registry that does not do ranges. Readers that have read
    /// some of it are told Error{interrupted}.
    void restart();
    IngestReader reader() const;

    /// Checks size and digest. @throws Error{corrupt} when they are wrong; a wrong digest removes
    /// the partial file, too few bytes keep it
    VerifiedIngest verify() &&;
    /// verify() and ContentStore::publish() of this one.
    void commit() &&;

  private:
    friend class ContentStore;
    explicit Ingest(std::shared_ptr<IngestState> state) noexcept;

    std::shared_ptr<IngestState> state_;
};

}  // namespace nau::storage
