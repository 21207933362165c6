#include "oci/registry/blob_stream.h"

#include <algorithm>

#include "base/assert.h"
#include "base/error.h"
#include "base/parse.h"

namespace nau::oci {

std::optional<ContentRange> parse_content_range(std::string_view text) noexcept {
    if (!text.starts_with("bytes ")) {
        return std::nullopt;
    }
    const auto parts = split_once(text.substr(6), '/');
    const auto bounds = parts ? split_once(parts->first, '-') : std::nullopt;
    if (!bounds) {
        return std::nullopt;
    }
    const auto first = parse_uint64(bounds->first);
    const auto last = parse_uint64(bounds->second);
    const auto total = parse_uint64(parts->second);
    if (!first || !last || *last < *first || (!total && parts->second != "*")) {
        return std::nullopt;
    }
    return ContentRange{*first, *last, total};
}

BlobStream::BlobStream(const BlobRequest& request,
                       const BlobSink& sink,
                       uint64_t first,
                       uint64_t end)
    : request_(request), sink_(sink), position_(first), end_(end) {
    NAU_ASSERT(first <= end && end <= request.size_bytes);
}

HttpRequest BlobStream::make_request(Url url) {
    HttpRequest request{.url = std::move(url)};
    const bool is_to_the_end = end_ == request_.size_bytes;
    if (asks_for_ranges_ && (position_ > 0 || !is_to_the_end)) {
        request.headers.emplace_back("Range",
                                     is_to_the_end
                                         ? fmt::format("bytes={}-", position_)
                                         : fmt::format("bytes={}-{}", position_, end_ - 1));
    }
    request.on_success = [this](const HttpResponse& response) { begin(response); };
    request.sink = [this](std::span<const std::byte> bytes) { take(bytes); };
    request.stop = request_.stop;
    return request;
}

bool BlobStream::refuses_range(const HttpResponse& response) noexcept {
    if (response.status != 416 || !asks_for_ranges_) {
        return false;
    }
    asks_for_ranges_ = false;
    return true;
}

void BlobStream::finish() const {
    if (!is_complete()) {
        throw HttpError(HttpError::Cause::broken,
                        ErrorKind::corrupt,
                        "ended after {} of {} bytes",
                        position_,
                        end_);
    }
}

void BlobStream::begin(const HttpResponse& response) {
    skip_ = 0;
    if (response.status == 206) {
        check_range(response);
        return;
    }
    if (response.status != 200) {
        throw Error(ErrorKind::corrupt, "unexpected status {}", response.status);
    }
    // The range was not heeded: the whole blob comes, and what we have is let pass by.
    ignores_ranges_ = true;
    end_ = request_.size_bytes;
    skip_ = position_;
    const auto text = response.headers.find("content-length");
    const auto length = text ? parse_uint64(*text) : std::nullopt;
    if (length && *length != request_.size_bytes) {
        throw Error(ErrorKind::corrupt,
                    "has {} bytes, its descriptor says {}",
                    *length,
                    request_.size_bytes);
    }
}

void BlobStream::check_range(const HttpResponse& response) const {
    const auto range = parse_content_range(response.headers.find("content-range").value_or(""));
    if (!range || range->first != position_ || range->last >= end_ ||
        (range->total && *range->total != request_.size_bytes)) {
        throw Error(ErrorKind::corrupt,
                    "asked for bytes {}-{} of {}, got '{}'",
                    position_,
                    end_ - 1,
                    request_.size_bytes,
                    response.headers.find("content-range").value_or(""));
    }
}

void BlobStream::take(std::span<const std::byte> bytes) {
    const uint64_t passing = std::min<uint64_t>(skip_, bytes.size());
    skip_ -= passing;
    bytes = bytes.subspan(static_cast<size_t>(passing));
    if (bytes.size() > end_ - position_) {
        throw Error(ErrorKind::corrupt,
                    "is larger than the {} bytes of its descriptor",
                    request_.size_bytes);
    }
    if (!bytes.empty()) {
        sink_(bytes);
        position_ += bytes.size();
    }
}

}  // namespace nau::oci
