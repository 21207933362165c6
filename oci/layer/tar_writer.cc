#include "oci/layer/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/error.h"
#include "oci/layer/pax.h"
#include "oci/layer/printable.h"
#include "oci/layer/tar_header.h"

namespace nau::oci {

namespace {

constexpr size_t kBufferBytes = size_t{64} << 10U;
constexpr size_t kNameBytes = 100;
constexpr size_t kPrefixBytes = 155;
// A field of n bytes holds n - 1 octal digits and a NUL.
constexpr uint64_t kMaxId = (uint64_t{1} << 21U) - 1;
constexpr uint64_t kMaxSize = (uint64_t{1} << 33U) - 1;
constexpr int64_t kMaxSeconds = (int64_t{1} << 33U) - 1;

constexpr std::array<char, kTarBlockSize> kZeros = {};

char type_flag(EntryType type) noexcept {
    switch (type) {
        case EntryType::regular:
            return tar_type::kRegular;
        case EntryType::directory:
            return tar_type::kDirectory;
        case EntryType::symlink:
            return tar_type::kSymlink;
        case EntryType::hard_link:
            return tar_type::kHardLink;
        case EntryType::character_device:
            return tar_type::kCharacterDevice;
        case EntryType::block_device:
            return tar_type::kBlockDevice;
        case EntryType::fifo:
            return tar_type::kFifo;
    }
    return tar_type::kRegular;
}

/// One header block while it is filled in.
class Header {
  public:
    Header() {
        text(257, 6, std::string_view("ustar\0", 6));
        text(263, 2, "00");
    }

    void text(size_t offset, size_t size, std::string_view value) {
        NAU_ASSERT(value.size() <= size);
        std::copy(value.begin(), value.end(), bytes_.data() + offset);  // empty: no pointer at all
    }
    /// `size` - 1 octal digits; what does not fit has a pax record and is 0 here.
    void number(size_t offset, size_t size, uint64_t value) {
        const std::string digits = fmt::format("{:0{}o}", value, size - 1);
        text(offset, size, digits.size() < size ? digits : std::string(size - 1, '0'));
    }
    std::string_view finish() {
        std::memset(bytes_.data() + 148, ' ', 8);
        uint64_t sum = 0;
        for (const char each : bytes_) {
            sum += static_cast<unsigned char>(each);
        }
        text(148, 7, fmt::format("{:06o}", sum) + '\0');  // and the blank that is there
        return {bytes_.data(), bytes_.size()};
    }

  private:
    std::array<char, kTarBlockSize> bytes_ = {};
};

/// A path as ustar's prefix and name; nullopt: it does not fit.
struct SplitPath {
    std::string_view prefix;
    std::string_view name;
};

std::optional<SplitPath> split_path(std::string_view path) noexcept {
    if (path.size() <= kNameBytes) {
        return SplitPath{.prefix = {}, .name = path};
    }
    // The last slash that leaves a prefix of the right size; a slash at the end belongs to the
    // name.
    const std::string_view body = path.substr(0, std::min(path.size() - 1, kPrefixBytes + 1));
    const size_t slash = body.rfind('/');
    if (slash == body.npos || slash == 0 || path.size() - slash - 1 > kNameBytes) {
        return std::nullopt;
    }
    return SplitPath{.prefix = path.substr(0, slash), .name = path.substr(slash + 1)};
}

std::string pax_record(std::string_view key, std::string_view value) {
    // The length counts itself.
    const size_t rest = key.size() + value.size() + 3;
    size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) {
        length = std::to_string(length).size() + rest;
    }
    return fmt::format("{} {}={}\n", length, key, value);
}

/// Exact, without zeros at the end: "-12.5" is twelve and a half seconds before 1970.
std::string pax_time(const Timestamp& time) {
    int64_t seconds = time.seconds;
    uint32_t nanoseconds = time.nanoseconds;
    if (nanoseconds == 0) {
        return fmt::format("{}", seconds);
    }
    const bool is_negative = seconds < 0;
    if (is_negative) {
        seconds = -(seconds + 1);
        nanoseconds = 1'000'000'000 - nanoseconds;
    }
    std::string fraction = fmt::format("{:09}", nanoseconds);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return fmt::format("{}{}.{}", is_negative ? "-" : "", seconds, fraction);
}

void check(const LayerEntry& entry) {
    const auto has_nul = [](const std::string& text) {
        return text.find('\0') != std::string::npos;
    };
    if (entry.path.empty() || has_nul(entry.path) || has_nul(entry.link_target)) {
        throw Error(ErrorKind::invalid, "a member of a tar needs a name without NUL");
    }
    for (const auto& [name, value] : entry.xattrs) {
        if (name.empty() || has_nul(name) || name.find('=') != std::string::npos) {
            throw Error(ErrorKind::invalid,
                        "{}: no tar can hold the attribute '{}'",
                        printable(entry.path),
                        printable(name));
        }
    }
}

/// What ustar cannot say of the entry, in the order of the keys.
PaxRecords pax_records(const LayerEntry& entry, const std::string& path) {
    PaxRecords records;
    if (!split_path(path)) {
        records.emplace(pax_key::kPath, path);
    }
    if (entry.link_target.size() > kNameBytes) {
        records.emplace(pax_key::kLinkPath, entry.link_target);
    }
    if (entry.uid > kMaxId) {
        records.emplace(pax_key::kUid, std::to_string(entry.uid));
    }
    if (entry.gid > kMaxId) {
        records.emplace(pax_key::kGid, std::to_string(entry.gid));
    }
    if (entry.type == EntryType::regular && entry.size > kMaxSize) {
        records.emplace(pax_key::kSize, std::to_string(entry.size));
    }
    const auto& time = entry.modified;
    if (time.nanoseconds != 0 || time.seconds < 0 || time.seconds > kMaxSeconds) {
        records.emplace(pax_key::kModified, pax_time(time));
    }
    // A further name of a file says nothing of it: the attributes stand with the first.
    if (entry.type != EntryType::hard_link) {
        for (const auto& [name, value] : entry.xattrs) {
            records.emplace(std::string(pax_key::kSchilyXattr) + name, value);
        }
    }
    return records;
}

/// "dir/PaxHeaders.0/name", cut to what fits: only tools without pax ever show it.
std::string pax_header_name(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) {
        path.remove_suffix(1);
    }
    const size_t slash = path.rfind('/');
    std::string name = "PaxHeaders.0/";
    name += slash == path.npos ? path : path.substr(slash + 1);
    name.resize(std::min(name.size(), kNameBytes));
    // Cut within a character, or not UTF-8 at all: readers may insist on it here.
    std::replace_if(
        name.begin(), name.end(), [](char each) { return (each & 0x80) != 0; }, '_');
    return name;
}

uint64_t padding_after(uint64_t size) noexcept {
    return (kTarBlockSize - size % kTarBlockSize) % kTarBlockSize;
}

}  // namespace

TarWriter::TarWriter(ByteSink sink) : sink_(std::move(sink)) {
    buffer_.reserve(kBufferBytes);
}

void TarWriter::flush() {
    if (!buffer_.empty()) {
        sink_(std::as_bytes(std::span<const char>(buffer_)));
        buffer_.clear();
    }
}

void TarWriter::put(std::string_view bytes) {
    size_bytes_ += bytes.size();
    if (buffer_.size() + bytes.size() > kBufferBytes) {
        flush();
    }
    if (bytes.size() >= kBufferBytes) {
        sink_(std::as_bytes(std::span<const char>(bytes)));
        return;
    }
    buffer_ += bytes;
}

void TarWriter::pad() {
    put(std::string_view(kZeros.data(), static_cast<size_t>(padding_after(size_bytes_))));
}

void TarWriter::add(const LayerEntry& entry) {
    NAU_ASSERT(content_left_ == 0);
    check(entry);
    std::string path = entry.path;
    if (entry.type == EntryType::directory && !path.ends_with('/')) {
        path += '/';
    }
    if (const PaxRecords records = pax_records(entry, path); !records.empty()) {
        std::string text;
        for (const auto& [key, value] : records) {
            text += pax_record(key, value);
        }
        Header header;
        header.text(0, kNameBytes, pax_header_name(path));
        header.number(100, 8, 0);
        header.number(108, 8, 0);
        header.number(116, 8, 0);
        header.number(124, 12, text.size());
        header.number(136, 12, 0);
        header.text(156, 1, std::string_view(&tar_type::kPaxHeader, 1));
        put(header.finish());
        put(text);
        pad();
    }
    const bool has_content = entry.type == EntryType::regular;
    // A path that does not fit stands in the pax header; its beginning is what is left for here.
    const SplitPath split = split_path(path).value_or(
        SplitPath{.prefix = {}, .name = std::string_view(path).substr(0, kNameBytes)});
    const char type = type_flag(entry.type);
    Header header;
    header.text(0, kNameBytes, split.name);
    header.number(100, 8, entry.mode & 07777U);
    header.number(108, 8, entry.uid);
    header.number(116, 8, entry.gid);
    header.number(124, 12, has_content ? entry.size : 0);
    header.number(136, 12, static_cast<uint64_t>(std::max<int64_t>(entry.modified.seconds, 0)));
    header.text(156, 1, std::string_view(&type, 1));
    header.text(157, kNameBytes, std::string_view(entry.link_target).substr(0, kNameBytes));
    const bool is_device =
        entry.type == EntryType::character_device || entry.type == EntryType::block_device;
    header.number(329, 8, is_device ? entry.device_major : 0);
    header.number(337, 8, is_device ? entry.device_minor : 0);
    header.text(345, kPrefixBytes, split.prefix);
    put(header.finish());
    content_left_ = has_content ? entry.size : 0;
}

void TarWriter::write_content(std::span<const std::byte> bytes) {
    write_content(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void TarWriter::write_content(std::string_view bytes) {
    NAU_ASSERT(bytes.size() <= content_left_);
    put(bytes);
    content_left_ -= bytes.size();
    if (content_left_ == 0) {
        pad();
    }
}

void TarWriter::write_content_by(const std::function<void(uint64_t size)>& copy) {
    flush();
    const uint64_t size = std::exchange(content_left_, 0);
    copy(size);
    size_bytes_ += size;
    pad();
}

void TarWriter::fill_with_zeros() {
    while (content_left_ > 0) {
        const auto size = std::min<uint64_t>(content_left_, kZeros.size());
        write_content(std::string_view(kZeros.data(), static_cast<size_t>(size)));
    }
}

void TarWriter::finish() {
    NAU_ASSERT(content_left_ == 0);
    put(std::string_view(kZeros.data(), kZeros.size()));
    put(std::string_view(kZeros.data(), kZeros.size()));
    flush();
}

}  // namespace nau::oci
