#include "oci/layer/tar_input.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace nau::oci {

void TarInput::fail_truncated() {
    throw Error(ErrorKind::corrupt, "tar archive is truncated");
}

/// Replaces the chunk, which is used up; false at the end of the stream.
bool TarInput::fetch() {
    if (at_end_) {
        return false;
    }
    chunk_ = {};
    position_ = 0;
    chunk_ = source_();
    at_end_ = chunk_.bytes.empty();
    return !at_end_;
}

std::optional<std::span<const std::byte, kTarBlockSize>> TarInput::next_block() {
    if (position_ == chunk_.bytes.size() && !fetch()) {
        return std::nullopt;
    }
    consumed_ += kTarBlockSize;
    const auto rest = chunk_.bytes.subspan(position_);
    if (rest.size() >= kTarBlockSize) {
        position_ += kTarBlockSize;
        return rest.first<kTarBlockSize>();
    }
    size_t filled = 0;
    while (filled < kTarBlockSize) {
        if (position_ == chunk_.bytes.size() && !fetch()) {
            fail_truncated();
        }
        const size_t size = std::min(kTarBlockSize - filled, chunk_.bytes.size() - position_);
        std::memcpy(assembled_.data() + filled, chunk_.bytes.data() + position_, size);
        filled += size;
        position_ += size;
    }
    return std::span<const std::byte, kTarBlockSize>(assembled_);
}

std::span<const std::byte, kTarBlockSize> TarInput::required_block() {
    const auto block = next_block();
    if (!block) {
        fail_truncated();
    }
    return *block;
}

Chunk TarInput::take(uint64_t max) {
    if (position_ == chunk_.bytes.size() && !fetch()) {
        fail_truncated();
    }
    const size_t size =
        static_cast<size_t>(std::min<uint64_t>(max, chunk_.bytes.size() - position_));
    const auto bytes = chunk_.bytes.subspan(position_, size);
    position_ += size;
    consumed_ += size;
    return {.bytes = bytes, .owner = chunk_.owner};
}

void TarInput::skip(uint64_t size) {
    consumed_ += size;
    if (const uint64_t here = chunk_.bytes.size() - position_; skip_source_ && size > here) {
        chunk_ = {};
        position_ = 0;
        skip_source_(size - here);
        return;
    }
    while (size > 0) {
        if (position_ == chunk_.bytes.size() && !fetch()) {
            fail_truncated();
        }
        const uint64_t step = std::min<uint64_t>(size, chunk_.bytes.size() - position_);
        position_ += static_cast<size_t>(step);
        size -= step;
    }
}

std::string TarInput::read_text(size_t size) {
    std::string text;
    text.reserve(size);
    while (text.size() < size) {
        const Chunk piece = take(size - text.size());
        text.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    }
    return text;
}

}  // namespace nau::oci
