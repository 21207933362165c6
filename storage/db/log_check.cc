#include "storage/db/log_check.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace nau::storage {

namespace {

constexpr int64_t kHeaderBytes = 32;
constexpr int64_t kFrameHeaderBytes = 24;
constexpr uint32_t kMagic = 0x377f0682;  ///< the lowest bit: checksums are of big-endian words
constexpr uint32_t kLargestPage = 65536;
/// How far behind the end is looked for a frame that proves that it is none.
constexpr int64_t kLookAhead = 256;

using Header = std::array<char, kHeaderBytes>;
using FrameHeader = std::array<char, kFrameHeaderBytes>;

uint32_t byte_at(const char* bytes, size_t index) noexcept {
    return static_cast<unsigned char>(bytes[index]);
}

uint32_t big_endian(const char* bytes) noexcept {
    return byte_at(bytes, 0) << 24U | byte_at(bytes, 1) << 16U | byte_at(bytes, 2) << 8U |
           byte_at(bytes, 3);
}

uint32_t little_endian(const char* bytes) noexcept {
    return byte_at(bytes, 3) << 24U | byte_at(bytes, 2) << 16U | byte_at(bytes, 1) << 8U |
           byte_at(bytes, 0);
}

struct Checksum {
    uint32_t first = 0;
    uint32_t second = 0;

    bool operator==(const Checksum&) const = default;

    /// @pre a multiple of eight bytes
    void add(std::span<const char> bytes, bool is_big_endian) noexcept {
        const auto word = [&](size_t at) {
            return is_big_endian ? big_endian(&bytes[at]) : little_endian(&bytes[at]);
        };
        for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
            first += word(i) + second;
            second += word(i + 4) + first;
        }
    }
};

Checksum stored_checksum(const char* bytes) noexcept {
    return {.first = big_endian(bytes), .second = big_endian(bytes + 4)};
}

bool is_sound(const Header& header) noexcept {
    const uint32_t magic = big_endian(header.data());
    const uint32_t page = big_endian(&header[8]);
    if ((magic & ~1U) != kMagic || page < 512 || page > kLargestPage || (page & (page - 1)) != 0) {
        return false;
    }
    Checksum sum;
    sum.add(std::span(header).first(24), (magic & 1U) != 0);
    return sum == stored_checksum(&header[24]);
}

/// The last frame of a transaction, written when all others are: what a killed writer leaves behind
/// the end, and the next one overwrites in part, has none of them.
bool is_commit(const FrameHeader& frame) noexcept {
    return big_endian(&frame[4]) != 0;
}

/// The salts change with each generation of frames.
bool is_of_generation(const FrameHeader& frame, const Header& header) noexcept {
    return std::memcmp(&frame[8], &header[16], 8) == 0;
}

}  // namespace

Database::LogDamage find_log_damage(const LogReader& read, int64_t frames) {
    using Damage = Database::LogDamage;
    Header header = {};
    if (!read(header, 0)) {
        return Damage::none;  // empty
    }
    if (std::all_of(header.begin(), header.end(), [](char byte) { return byte == 0; })) {
        return Damage::none;
    }
    if (!is_sound(header)) {
        return Damage::header;
    }
    const bool is_big_endian = (big_endian(header.data()) & 1U) != 0;
    const int64_t page_bytes = big_endian(&header[8]);
    const auto position = [&](int64_t frame) {  // counted from 0
        return kHeaderBytes + frame * (kFrameHeaderBytes + page_bytes);
    };
    Checksum sum = stored_checksum(&header[24]);
    FrameHeader frame = {};
    if (frames > 0 && read(frame, position(frames - 1))) {
        sum = stored_checksum(&frame[16]);
    }
    std::vector<char> page(static_cast<size_t>(page_bytes));
    for (int64_t at = frames; read(frame, position(at)); ++at) {
        sum.add(std::span(frame).first(8), is_big_endian);
        if (!read(page, position(at) + kFrameHeaderBytes)) {
            return Damage::none;
        }
        sum.add(page, is_big_endian);
        const bool is_valid = is_of_generation(frame, header) && sum == stored_checksum(&frame[16]);
        if (is_valid) {
            continue;  // of a transaction that was not committed
        }
        for (int64_t next = at + 1; next < at + kLookAhead && read(frame, position(next)); ++next) {
            if (is_of_generation(frame, header) && is_commit(frame)) {
                return Damage::middle;
            }
        }
        return Damage::none;
    }
    return Damage::none;
}

}  // namespace nau::storage
