#include "logs/gzip_blocks.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/scope_exit.h"
#include "sys/file.h"

namespace nau::logs {

namespace {

constexpr size_t kBlockText = size_t{256} * 1024;
/// Fixed header, length of the extra field, the one subfield.
constexpr size_t kHeader = 10 + 2 + 8;
constexpr size_t kTrailer = 8;
constexpr std::array<uint8_t, 16> kHeaderStart = {
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 'N', 'L', 4, 0};
constexpr int kRawDeflate = -15;
/// Log lines are alike: higher levels cost much time and win little.
constexpr int kLevel = 4;

void put_u32(std::string& text, size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) {
        text[at + i] = static_cast<char>(value >> (8 * i));
    }
}

uint32_t get_u32(std::string_view text, size_t at) noexcept {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) {
        value |= uint32_t{static_cast<uint8_t>(text[at + i])} << (8 * i);
    }
    return value;
}

/// zlib takes its input without const and never writes to it.
Bytef* input_of(const char* bytes) noexcept {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes));
}

/// Full blocks but for the last one.
size_t read_block(int fd, std::string& text, uint64_t offset) {
    size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t count = sys::retry([&] {
            return ::pread(fd,
                           text.data() + filled,
                           text.size() - filled,
                           static_cast<off_t>(offset + filled));
        });
        if (count < 0) {
            throw SysError(errno, "read {}", sys::describe_fd(fd));
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<size_t>(count);
    }
    return filled;
}

}  // namespace

void compress_file(int source, int target) {
    z_stream stream{};
    if (::deflateInit2(&stream, kLevel, Z_DEFLATED, kRawDeflate, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw Error(ErrorKind::unavailable, "compressing: no memory");
    }
    const ScopeExit end([&]() noexcept { (void)::deflateEnd(&stream); });
    std::string text(kBlockText, '\0');
    std::string member(kHeader + ::deflateBound(&stream, kBlockText) + kTrailer, '\0');
    std::memcpy(member.data(), kHeaderStart.data(), kHeaderStart.size());
    for (uint64_t offset = 0;; offset += kBlockText) {
        const size_t length = read_block(source, text, offset);
        if (length == 0) {
            return;
        }
        (void)::deflateReset(&stream);
        stream.next_in = input_of(text.data());
        stream.avail_in = static_cast<uInt>(length);
        stream.next_out = reinterpret_cast<Bytef*>(member.data() + kHeader);
        stream.avail_out = static_cast<uInt>(member.size() - kHeader - kTrailer);
        if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) {
            throw Error(ErrorKind::internal, "compressing: a block does not fit");
        }
        const size_t size = kHeader + stream.total_out + kTrailer;
        put_u32(member, kHeaderStart.size(), static_cast<uint32_t>(size));
        const uLong sum = ::crc32(0, input_of(text.data()), static_cast<uInt>(length));
        put_u32(member, size - kTrailer, static_cast<uint32_t>(sum));
        put_u32(member, size - 4, static_cast<uint32_t>(length));
        sys::write_all(target, std::string_view(member).substr(0, size));
    }
}

GzipBlocks::GzipBlocks(int fd) : fd_(fd) {
    find_blocks();
}

void GzipBlocks::find_blocks() {
    const auto file_size = static_cast<uint64_t>(sys::fstat(fd_).st_size);
    std::string head(kHeader, '\0');
    std::string tail(4, '\0');
    uint64_t place = 0;
    while (place < file_size) {
        const bool has_head =
            read_block(fd_, head, place) == kHeader &&
            std::memcmp(head.data(), kHeaderStart.data(), kHeaderStart.size()) == 0;
        const uint32_t length = has_head ? get_u32(head, kHeaderStart.size()) : 0;
        if (length < kHeader + kTrailer || length > file_size - place ||
            read_block(fd_, tail, place + length - 4) != tail.size() ||
            get_u32(tail, 0) > kBlockText) {
            NAU_LOG_WARN("{}: is damaged from byte {} on, ignoring the rest of it",
                         sys::describe_fd(fd_),
                         place);
            return;
        }
        const uint64_t begin = size();
        blocks_.push_back(
            {.place = place, .length = length, .begin = begin, .end = begin + get_u32(tail, 0)});
        place += length;
    }
}

void GzipBlocks::load(size_t block) {
    const Block& wanted = blocks_[block];
    std::string member(wanted.length, '\0');
    const size_t got = read_block(fd_, member, wanted.place);
    text_.resize(wanted.end - wanted.begin);
    loaded_ = SIZE_MAX;
    z_stream stream{};
    if (::inflateInit2(&stream, kRawDeflate) != Z_OK) {
        throw Error(ErrorKind::unavailable, "decompressing: no memory");
    }
    const ScopeExit end([&]() noexcept { (void)::inflateEnd(&stream); });
    stream.next_in = input_of(member.data() + kHeader);
    stream.avail_in = static_cast<uInt>(member.size() - kHeader - kTrailer);
    stream.next_out = reinterpret_cast<Bytef*>(text_.data());
    stream.avail_out = static_cast<uInt>(text_.size());
    const int result = ::inflate(&stream, Z_FINISH);
    const uLong sum = ::crc32(0, input_of(text_.data()), static_cast<uInt>(text_.size()));
    if (got != member.size() || result != Z_STREAM_END || stream.total_out != text_.size() ||
        static_cast<uint32_t>(sum) != get_u32(member, member.size() - kTrailer)) {
        throw Error(ErrorKind::corrupt,
                    "{}: the block at byte {} is damaged",
                    sys::describe_fd(fd_),
                    wanted.place);
    }
    loaded_ = block;
}

size_t GzipBlocks::read(char* buffer, size_t size, uint64_t offset) {
    size_t done = 0;
    auto block = std::upper_bound(
        blocks_.begin(), blocks_.end(), offset, [](uint64_t place, const Block& other) {
            return place < other.end;
        });
    for (; block != blocks_.end() && done < size; ++block) {
        const auto index = static_cast<size_t>(block - blocks_.begin());
        if (loaded_ != index) {
            load(index);
        }
        const size_t from = offset + done - block->begin;
        const size_t count = std::min(size - done, text_.size() - from);
        std::memcpy(buffer + done, text_.data() + from, count);
        done += count;
    }
    return done;
}

std::unique_ptr<sys::FileContent> open_gzip_blocks(int fd) {
    return std::make_unique<GzipBlocks>(fd);
}

}  // namespace nau::logs
