#pragma once

// The 512-byte header block of tar and its fields. Internal to oci/layer.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nau::oci {

inline constexpr size_t kTarBlockSize = 512;

enum class TarFormat : uint8_t {
    unknown,  ///< the checksum does not fit: no header
    v7,
    ustar,  ///< also what pax archives are made of
    star,
    gnu,
};

/// Values of the type flag.
namespace tar_type {
inline constexpr char kRegular = '0';
inline constexpr char kRegularV7 = '\0';
inline constexpr char kHardLink = '1';
inline constexpr char kSymlink = '2';
inline constexpr char kCharacterDevice = '3';
inline constexpr char kBlockDevice = '4';
inline constexpr char kDirectory = '5';
inline constexpr char kFifo = '6';
inline constexpr char kContiguous = '7';
inline constexpr char kPaxHeader = 'x';
inline constexpr char kPaxGlobalHeader = 'g';
inline constexpr char kGnuLongName = 'L';
inline constexpr char kGnuLongLink = 'K';
inline constexpr char kGnuSparse = 'S';
}  // namespace tar_type

/// A view of one block; borrows.
class TarBlock {
  public:
    explicit TarBlock(std::span<const std::byte, kTarBlockSize> bytes) noexcept
        : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

    bool is_zero() const noexcept;
    TarFormat format() const noexcept;

    std::string_view name() const noexcept { return text_.substr(0, 100); }
    std::string_view mode() const noexcept { return text_.substr(100, 8); }
    std::string_view uid() const noexcept { return text_.substr(108, 8); }
    std::string_view gid() const noexcept { return text_.substr(116, 8); }
    std::string_view size() const noexcept { return text_.substr(124, 12); }
    std::string_view modified() const noexcept { return text_.substr(136, 12); }
    std::string_view checksum() const noexcept { return text_.substr(148, 8); }
    char type() const noexcept { return text_[156]; }
    std::string_view link_name() const noexcept { return text_.substr(157, 100); }
    std::string_view device_major() const noexcept { return text_.substr(329, 8); }
    std::string_view device_minor() const noexcept { return text_.substr(337, 8); }
    // ustar
    std::string_view prefix() const noexcept { return text_.substr(345, 155); }
    // star
    std::string_view star_prefix() const noexcept { return text_.substr(345, 131); }
    std::string_view star_accessed() const noexcept { return text_.substr(476, 12); }
    // GNU
    std::string_view gnu_accessed() const noexcept { return text_.substr(345, 12); }
    std::string_view gnu_sparse_map() const noexcept { return text_.substr(386, 96); }
    bool gnu_sparse_is_extended() const noexcept { return text_[482] != '\0'; }
    std::string_view gnu_real_size() const noexcept { return text_.substr(483, 12); }

  private:
    std::string_view text_;
};

/// Up to the first NUL.
std::string_view tar_string(std::string_view field) noexcept;

/// Octal digits between blanks or NULs, or (first bit set) a binary two's complement number.
/// An empty field is 0; nullopt: neither form, or beyond 64 bits.
std::optional<int64_t> tar_number(std::string_view field) noexcept;

}  // namespace nau::oci
