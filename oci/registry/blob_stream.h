#pragma once

// The bytes of one blob on their way to the sink, over as many responses as it takes: lengths and
// ranges that a registry announces are checked against what was asked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "oci/registry/client.h"
#include "oci/registry/http.h"

namespace nau::oci {

struct ContentRange {
    uint64_t first = 0;
    uint64_t last = 0;
    std::optional<uint64_t> total;
};

/// "bytes 5-9/10" or "bytes 5-9/*". Pure.
std::optional<ContentRange> parse_content_range(std::string_view text) noexcept;

/// Bytes [first, end) of the blob, in order. `end` beyond which nothing is asked for may be moved
/// on between requests.
class BlobStream {
  public:
    /// Both are borrowed. @pre first <= end <= request.size_bytes
    BlobStream(const BlobRequest& request, const BlobSink& sink, uint64_t first, uint64_t end);

    bool is_complete() const noexcept { return position_ == end_; }
    uint64_t position() const noexcept { return position_; }
    void extend_to(uint64_t end) noexcept { end_ = end; }
    /// The registry sent the whole blob where a range was asked for.
    bool ignores_ranges() const noexcept { return ignores_ranges_; }

    HttpRequest make_request(Url url);
    /// A response to such a request that is no success: true when the request is worth sending
    /// again, without a range.
    bool refuses_range(const HttpResponse& response) noexcept;

    /// After a response has ended well. @throws HttpError when bytes are missing
    void finish() const;

  private:
    void begin(const HttpResponse& response);
    void check_range(const HttpResponse& response) const;
    void take(std::span<const std::byte> bytes);

    const BlobRequest& request_;
    const BlobSink& sink_;
    uint64_t position_;
    uint64_t end_;
    uint64_t skip_ = 0;
    bool asks_for_ranges_ = true;
    bool ignores_ranges_ = false;
};

}  // namespace nau::oci
