#pragma once

// Builds tars in memory, good ones and bad ones: every field of a header can be set, also to
// nonsense. What does not fit into a plain header goes into a pax header (or a GNU one), as tar
// itself would do it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nau::test {

enum class TarDialect { v7, ustar, gnu, pax };

struct TarMember {
    std::string path;
    char type = '0';
    uint32_t mode = 0644;
    int64_t uid = 0;
    int64_t gid = 0;
    int64_t modified = 1'700'000'000;
    std::string link_target;
    std::string content;
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    TarDialect dialect = TarDialect::pax;
    /// Written into the header instead of the content's length.
    std::optional<int64_t> claimed_size;
    /// Pax records in front, in this order; also unknown and broken ones.
    std::vector<std::pair<std::string, std::string>> records;
};

class TarBuilder {
  public:
    TarBuilder& add(const TarMember& member);

    TarBuilder& file(std::string path, std::string content, uint32_t mode = 0644);
    TarBuilder& directory(std::string path, uint32_t mode = 0755);
    TarBuilder& symlink(std::string path, std::string target);
    TarBuilder& hard_link(std::string path, std::string target);
    /// An empty file: whiteouts are named, not typed.
    TarBuilder& empty(std::string path) { return file(std::move(path), ""); }
    /// Bytes as they are.
    TarBuilder& raw(std::string_view bytes);

    /// Without the end marker.
    const std::string& bytes() const noexcept { return bytes_; }
    /// With the two blocks of zeros.
    std::string finish() const;

  private:
    std::string bytes_;
};

/// "<length> <key>=<value>\n"
std::string pax_record(std::string_view key, std::string_view value);
/// One header block with a correct checksum.
std::string tar_header(const TarMember& member, uint64_t size);
/// `bytes` and zeros up to a whole number of blocks.
std::string padded(std::string bytes);
/// Corrects the checksum of the header block at `offset` after it has been tampered with.
void fix_checksum(std::string& bytes, size_t offset = 0);

}  // namespace nau::test
