#pragma once

// The records of a pax extended header: "<length> <key>=<value>\n", repeated. Internal to
// oci/layer.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/layer/layer_entry.h"

namespace nau::oci {

using PaxRecords = std::map<std::string, std::string, std::less<>>;

namespace pax_key {
inline constexpr std::string_view kPath = "path";
inline constexpr std::string_view kLinkPath = "linkpath";
inline constexpr std::string_view kSize = "size";
inline constexpr std::string_view kUid = "uid";
inline constexpr std::string_view kGid = "gid";
inline constexpr std::string_view kModified = "mtime";
inline constexpr std::string_view kAccessed = "atime";
inline constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
inline constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
inline constexpr std::string_view kSparse = "GNU.sparse.";
inline constexpr std::string_view kSparseMajor = "GNU.sparse.major";
inline constexpr std::string_view kSparseMinor = "GNU.sparse.minor";
inline constexpr std::string_view kSparseMap = "GNU.sparse.map";
inline constexpr std::string_view kSparseName = "GNU.sparse.name";
inline constexpr std::string_view kSparseSize = "GNU.sparse.size";
inline constexpr std::string_view kSparseRealSize = "GNU.sparse.realsize";
inline constexpr std::string_view kSparseBlocks = "GNU.sparse.numblocks";
inline constexpr std::string_view kSparseOffset = "GNU.sparse.offset";
inline constexpr std::string_view kSparseBytes = "GNU.sparse.numbytes";
}  // namespace pax_key

/// The last record of a key counts. The repeated offsets and lengths of sparse format 0.0 come out
/// as one GNU.sparse.map, as format 0.1 writes it. @throws Error{corrupt}
PaxRecords parse_pax_records(std::string_view text);

/// "-12.5": seconds with a decimal fraction; digits beyond the nanosecond are cut off.
std::optional<Timestamp> parse_pax_time(std::string_view text) noexcept;

/// Attributes in libarchive's form: name URL-encoded, value in base64. nullopt: damaged.
std::optional<std::string> decode_url(std::string_view text);
std::optional<std::string> decode_xattr_base64(std::string_view text);

}  // namespace nau::oci
