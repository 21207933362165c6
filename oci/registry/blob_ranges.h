#pragma once

// A large blob over several connections at once, where one is slow: parts are fetched side by side
// into memory and handed to the sink in order.
//
//   worker ─ slot ─ next part ─ Range ─▶ memory ┐
//   worker ─ slot ─ next part ─ Range ─▶ memory ┼─▶ sink (the caller's thread), in order ─▶ slot
//   free
//
// Slots are shared by all blobs of a client and bound its memory. A worker takes its slot before
// its part, and parts are taken in order: the part that the sink waits for always has one.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>

#include "oci/registry/blob_stream.h"
#include "oci/registry/client.h"

namespace nau::oci {

class PartSlots {
  public:
    explicit PartSlots(unsigned count) noexcept : free_(count) {}

    /// false when `stop` was requested while waiting.
    bool acquire(const std::stop_token& stop);
    void release() noexcept;

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    unsigned free_;
};

/// Fetches one part: drives the stream until it is complete, with whatever retries. Called from
/// several threads. @throws what the request throws
using PartFetcher = std::function<void(const BlobRequest& request, BlobStream& stream)>;

struct RangeRules {
    uint64_t part_bytes = 0;
    unsigned connections = 0;
};

/// Bytes [first, size) of the request's blob to the sink, in order.
/// @throws what the fetcher or the sink throws, the first of them
void fetch_in_ranges(const BlobRequest& request,
                     uint64_t first,
                     const BlobSink& sink,
                     const RangeRules& rules,
                     PartSlots& slots,
                     const PartFetcher& fetch);

}  // namespace nau::oci
