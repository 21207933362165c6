#include "oci/layer/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parse.h"
#include "oci/layer/pax.h"
#include "oci/layer/printable.h"
#include "oci/layer/sparse_map.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_input.h"

namespace nau::oci {

namespace {

/// What precedes a member's own header.
struct Preface {
    std::optional<PaxRecords> pax;
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;
};

uint64_t padding_after(uint64_t size) noexcept {
    return (kTarBlockSize - size % kTarBlockSize) % kTarBlockSize;
}

[[noreturn]] void fail_field(std::string_view field) {
    throw Error(ErrorKind::corrupt, "tar header: damaged {}", field);
}

uint64_t checked_size(std::optional<int64_t> size) {
    if (!size || *size < 0) {
        fail_field("size");
    }
    return static_cast<uint64_t>(*size);
}

int64_t header_number(std::string_view field, std::string_view name) {
    const auto number = tar_number(field);
    if (!number) {
        fail_field(name);
    }
    return *number;
}

/// Ids are unsigned 32-bit numbers, of which the last means "none": whatever does not fit must not
/// wrap around to somebody else, least of all to 0.
uint32_t checked_id(std::optional<int64_t> id, std::string_view name) {
    if (!id || *id < 0 || *id >= int64_t{std::numeric_limits<uint32_t>::max()}) {
        throw Error(ErrorKind::corrupt, "tar header: {} is out of range", name);
    }
    return static_cast<uint32_t>(*id);
}

/// The kernel's device numbers have 12 and 20 bits.
uint32_t checked_device(std::string_view field, uint32_t limit) {
    const int64_t number = header_number(field, "device number");
    if (number < 0 || number >= int64_t{limit}) {
        throw Error(ErrorKind::corrupt, "tar header: device number is out of range");
    }
    return static_cast<uint32_t>(number);
}

std::optional<EntryType> entry_type(char flag) noexcept {
    switch (flag) {
        case tar_type::kRegular:
        case tar_type::kRegularV7:
        case tar_type::kContiguous:
        case tar_type::kGnuSparse:
            return EntryType::regular;
        case tar_type::kHardLink:
            return EntryType::hard_link;
        case tar_type::kSymlink:
            return EntryType::symlink;
        case tar_type::kCharacterDevice:
            return EntryType::character_device;
        case tar_type::kBlockDevice:
            return EntryType::block_device;
        case tar_type::kDirectory:
            return EntryType::directory;
        case tar_type::kFifo:
            return EntryType::fifo;
        default:
            return std::nullopt;
    }
}

/// A record that is absent or empty says nothing.
const std::string* find_record(const PaxRecords& records, std::string_view key) {
    const auto found = records.find(key);
    return found != records.end() && !found->second.empty() ? &found->second : nullptr;
}

bool is_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

/// GNU headers have no prefix, but Go's writer before 1.8 put one into them.
std::string_view misplaced_prefix(const TarBlock& block) noexcept {
    const auto accessed = block.gnu_accessed();
    if (accessed[0] == '\0' || tar_number(accessed)) {
        return {};
    }
    const auto prefix = tar_string(block.prefix());
    return is_ascii(prefix) ? prefix : std::string_view();
}

std::string_view header_prefix(const TarBlock& block, TarFormat format) noexcept {
    switch (format) {
        case TarFormat::ustar:
            return tar_string(block.prefix());
        case TarFormat::star:
            return tar_string(block.star_prefix());
        case TarFormat::gnu:
            return misplaced_prefix(block);
        default:
            return {};
    }
}

std::optional<Timestamp> header_accessed(const TarBlock& block, TarFormat format) noexcept {
    const auto field = format == TarFormat::gnu    ? block.gnu_accessed()
                       : format == TarFormat::star ? block.star_accessed()
                                                   : std::string_view();
    if (field.empty() || field[0] == '\0') {
        return std::nullopt;
    }
    const auto seconds = tar_number(field);
    return seconds ? std::optional(Timestamp{.seconds = *seconds}) : std::nullopt;
}

/// All that the header block itself says.
void read_header(const TarBlock& block, TarFormat format, LayerEntry& entry) {
    const auto prefix = header_prefix(block, format);
    entry.path.assign(prefix);
    if (!prefix.empty()) {
        entry.path += '/';
    }
    entry.path += tar_string(block.name());
    entry.mode = static_cast<uint32_t>(header_number(block.mode(), "mode") & 07777);
    entry.modified = {.seconds = header_number(block.modified(), "time")};
    entry.accessed = header_accessed(block, format);
    entry.link_target.assign(tar_string(block.link_name()));
    entry.device_major = 0;
    entry.device_minor = 0;
    entry.xattrs.clear();
    entry.sparse_map.reset();
}

void read_device(const TarBlock& block, TarFormat format, LayerEntry& entry) {
    const bool is_device =
        entry.type == EntryType::character_device || entry.type == EntryType::block_device;
    if (is_device && format != TarFormat::v7) {
        entry.device_major = checked_device(block.device_major(), 1U << 12);
        entry.device_minor = checked_device(block.device_minor(), 1U << 20);
    }
}

void apply_pax_times(const PaxRecords& records, LayerEntry& entry) {
    if (const auto* text = find_record(records, pax_key::kModified)) {
        const auto time = parse_pax_time(*text);
        if (!time) {
            fail_field("mtime");
        }
        entry.modified = *time;
    }
    if (const auto* text = find_record(records, pax_key::kAccessed)) {
        const auto time = parse_pax_time(*text);
        if (!time) {
            fail_field("atime");
        }
        entry.accessed = *time;
    }
}

/// SCHILY's form is the one that all tools read; libarchive's own fills the gaps.
void apply_pax_xattrs(const PaxRecords& records, LayerEntry& entry) {
    const auto with_prefix = [&](std::string_view prefix, auto&& action) {
        for (auto it = records.lower_bound(prefix);
             it != records.end() && it->first.starts_with(prefix);
             ++it) {
            action(std::string_view(it->first).substr(prefix.size()), it->second);
        }
    };
    with_prefix(pax_key::kSchilyXattr, [&](std::string_view name, const std::string& value) {
        entry.xattrs.emplace(name, value);
    });
    with_prefix(pax_key::kLibarchiveXattr, [&](std::string_view name, const std::string& value) {
        auto decoded_name = decode_url(name);
        auto decoded_value = decode_xattr_base64(value);
        if (!decoded_name || !decoded_value) {
            fail_field("extended attribute");
        }
        entry.xattrs.emplace(std::move(*decoded_name), std::move(*decoded_value));
    });
}

enum class PaxSparse { no, in_records, in_content };

PaxSparse pax_sparse_format(const PaxRecords& records) {
    const auto value = [&](std::string_view key) -> std::string_view {
        const auto* text = find_record(records, key);
        return text != nullptr ? std::string_view(*text) : std::string_view();
    };
    const auto major = value(pax_key::kSparseMajor);
    const auto minor = value(pax_key::kSparseMinor);
    if (major == "0" && (minor == "0" || minor == "1")) {
        return PaxSparse::in_records;
    }
    if (major == "1" && minor == "0") {
        return PaxSparse::in_content;
    }
    if (!major.empty() || !minor.empty()) {
        // Go takes such a member for an ordinary file.
        return PaxSparse::no;
    }
    // Formats 0.0 and 0.1 carry no version.
    return value(pax_key::kSparseMap).empty() ? PaxSparse::no : PaxSparse::in_records;
}

}  // namespace

class TarReader::Impl {
  public:
    Impl(ChunkSource source, SkipSource skip_source, const TarLimits& limits)
        : input_(std::move(source), std::move(skip_source)), limits_(limits) {}

    uint64_t position() const noexcept { return input_.position(); }

    const LayerEntry* next() {
        if (at_end_) {
            return nullptr;
        }
        skip_content();
        Preface preface;
        while (const auto block = next_header()) {
            const auto format = block->format();
            if (format == TarFormat::unknown) {
                throw Error(ErrorKind::corrupt, "tar header: checksum does not match");
            }
            if (!read_preface(*block, preface)) {
                read_member(*block, format, preface);
                return &entry_;
            }
        }
        at_end_ = true;
        return nullptr;
    }

    std::optional<ContentPiece> next_content() {
        if (stored_left_ == 0) {
            return std::nullopt;
        }
        uint64_t max = stored_left_;
        if (entry_.sparse_map) {
            skip_finished_extents();
            max = (*entry_.sparse_map)[extent_].length - extent_position_;
        }
        Chunk chunk = input_.take(max);
        const uint64_t offset = entry_.sparse_map
                                    ? (*entry_.sparse_map)[extent_].offset + extent_position_
                                    : entry_.size - stored_left_;
        extent_position_ += chunk.bytes.size();
        stored_left_ -= chunk.bytes.size();
        return ContentPiece{
            .offset = offset, .bytes = chunk.bytes, .owner = std::move(chunk.owner)};
    }

  private:
    /// The next block that is a header; nullopt at the end of the archive.
    std::optional<TarBlock> next_header() {
        const auto bytes = input_.next_block();
        if (!bytes) {
            return std::nullopt;
        }
        if (++headers_ > limits_.max_headers) {
            throw Error(
                ErrorKind::corrupt, "tar archive has more than {} headers", limits_.max_headers);
        }
        const TarBlock block(*bytes);
        if (!block.is_zero()) {
            return block;
        }
        const auto second = input_.next_block();
        if (second && !TarBlock(*second).is_zero()) {
            throw Error(ErrorKind::corrupt, "tar archive: a block of zeros between members");
        }
        return std::nullopt;
    }

    /// Takes a header that describes the next one; false for a member's own.
    bool read_preface(const TarBlock& block, Preface& preface) {
        switch (block.type()) {
            case tar_type::kPaxHeader:
                preface.pax = parse_pax_records(read_special(block));
                return true;
            case tar_type::kPaxGlobalHeader:
                // Go hands it out as a member of its own and applies it to nothing; whatever
                // preceded it belonged to it.
                (void)parse_pax_records(read_special(block));
                preface = {};
                return true;
            case tar_type::kGnuLongName:
                preface.long_name = tar_string(read_special(block));
                return true;
            case tar_type::kGnuLongLink:
                preface.long_link = tar_string(read_special(block));
                return true;
            default:
                return false;
        }
    }

    /// The content of a header that describes another one.
    std::string read_special(const TarBlock& block) {
        const uint64_t size = checked_size(tar_number(block.size()));
        if (size > limits_.max_header_bytes) {
            throw Error(ErrorKind::corrupt, "tar archive: extended header of {} bytes", size);
        }
        std::string text = input_.read_text(static_cast<size_t>(size));
        input_.skip(padding_after(size));
        return text;
    }

    void read_member(const TarBlock& block, TarFormat format, Preface& preface) {
        read_header(block, format, entry_);
        const char flag = block.type();
        const auto type = entry_type(flag);
        uint64_t stored = checked_size(tar_number(block.size()));
        auto uid = tar_number(block.uid());
        auto gid = tar_number(block.gid());
        const PaxRecords records = std::move(preface.pax).value_or(PaxRecords{});
        if (!records.empty()) {
            apply_names(records);
            apply_pax_times(records, entry_);
            apply_pax_xattrs(records, entry_);
            if (const auto* text = find_record(records, pax_key::kSize)) {
                stored = checked_size(parse_int64(*text));
            }
            if (const auto* text = find_record(records, pax_key::kUid)) {
                uid = parse_int64(*text);
            }
            if (const auto* text = find_record(records, pax_key::kGid)) {
                gid = parse_int64(*text);
            }
        }
        if (preface.long_name && !preface.long_name->empty()) {
            entry_.path = std::move(*preface.long_name);
        }
        if (preface.long_link && !preface.long_link->empty()) {
            entry_.link_target = std::move(*preface.long_link);
        }
        if (!type) {
            throw Error(ErrorKind::unsupported,
                        "tar member '{}' is of unknown type '{}'",
                        printable(entry_.path),
                        printable(std::string_view(&flag, 1)));
        }
        // Before there was a type for directories, a slash at the end said it.
        const bool is_old_directory = flag == tar_type::kRegularV7 && entry_.path.ends_with('/');
        entry_.type = is_old_directory ? EntryType::directory : *type;
        entry_.uid = checked_id(uid, "uid");
        entry_.gid = checked_id(gid, "gid");
        read_device(block, format, entry_);
        start_content(block, format, records, stored);
        check_limits();
    }

    void apply_names(const PaxRecords& records) {
        if (const auto* text = find_record(records, pax_key::kPath)) {
            entry_.path = *text;
        }
        if (const auto* text = find_record(records, pax_key::kLinkPath)) {
            entry_.link_target = *text;
        }
    }

    /// Decides how many bytes follow and where they belong.
    void start_content(const TarBlock& block,
                       TarFormat format,
                       const PaxRecords& records,
                       uint64_t stored) {
        extent_ = 0;
        extent_position_ = 0;
        if (entry_.type != EntryType::regular) {
            // Some writers repeat the size of a hard link's target; no bytes follow.
            entry_.size = 0;
            stored_left_ = 0;
            padding_ = 0;
            return;
        }
        entry_.size = stored;
        stored_left_ = stored;
        padding_ = padding_after(stored);
        if (block.type() == tar_type::kGnuSparse) {
            start_gnu_sparse(block, format);
        } else if (!records.empty()) {
            start_pax_sparse(records);
        }
        if (entry_.sparse_map) {
            check_sparse_map(*entry_.sparse_map, entry_.size, stored_left_);
        }
    }

    void start_gnu_sparse(const TarBlock& block, TarFormat format) {
        if (format != TarFormat::gnu) {
            fail_field("sparse header");
        }
        entry_.size = checked_size(tar_number(block.gnu_real_size()));
        entry_.sparse_map = read_gnu_sparse_map(
            block, [&] { return input_.required_block(); }, limits_.max_header_bytes);
    }

    void start_pax_sparse(const PaxRecords& records) {
        const auto sparse = pax_sparse_format(records);
        if (sparse == PaxSparse::no) {
            return;
        }
        if (const auto* name = find_record(records, pax_key::kSparseName)) {
            entry_.path = *name;
        }
        const auto* size = find_record(records, pax_key::kSparseSize);
        if (size == nullptr) {
            size = find_record(records, pax_key::kSparseRealSize);
        }
        if (size != nullptr) {
            entry_.size = checked_size(parse_int64(*size));
        }
        if (sparse == PaxSparse::in_records) {
            entry_.sparse_map = parse_pax_sparse_map(records);
            return;
        }
        const auto next_block = [&] {
            if (stored_left_ < kTarBlockSize) {
                throw Error(ErrorKind::corrupt, "damaged sparse map");
            }
            stored_left_ -= kTarBlockSize;
            return input_.required_block();
        };
        entry_.sparse_map = read_content_sparse_map(next_block, limits_.max_header_bytes);
    }

    void check_limits() const {
        const auto has_nul = [](std::string_view text) {
            return text.find('\0') != std::string_view::npos;
        };
        if (entry_.path.empty() || has_nul(entry_.path)) {
            throw Error(ErrorKind::corrupt, "tar member without a name");
        }
        if (entry_.path.size() > limits_.max_path_bytes ||
            entry_.link_target.size() > limits_.max_path_bytes) {
            throw Error(
                ErrorKind::corrupt, "tar member '{}': name is too long", printable(entry_.path));
        }
        if (entry_.size > limits_.max_file_bytes) {
            throw Error(ErrorKind::corrupt,
                        "tar member '{}': {} bytes are too many",
                        printable(entry_.path),
                        entry_.size);
        }
        for (const auto& [name, value] : entry_.xattrs) {
            if (name.empty() || has_nul(name) || name.size() > limits_.max_xattr_name_bytes ||
                value.size() > limits_.max_xattr_value_bytes) {
                throw Error(ErrorKind::corrupt,
                            "tar member '{}': impossible extended attribute '{}'",
                            printable(entry_.path),
                            printable(name));
            }
        }
    }

    void skip_content() {
        input_.skip(stored_left_);
        input_.skip(padding_);
        stored_left_ = 0;
        padding_ = 0;
    }

    void skip_finished_extents() noexcept {
        // The lengths add up to stored_left_, so there is another extent.
        while (extent_position_ == (*entry_.sparse_map)[extent_].length) {
            ++extent_;
            extent_position_ = 0;
        }
    }

    TarInput input_;
    TarLimits limits_;
    uint64_t headers_ = 0;
    bool at_end_ = false;
    LayerEntry entry_;
    uint64_t stored_left_ = 0;  ///< of the member's bytes in the archive
    uint64_t padding_ = 0;      ///< after them
    size_t extent_ = 0;         ///< of the sparse map
    uint64_t extent_position_ = 0;
};

TarReader::TarReader(ChunkSource source, const TarLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(source), SkipSource(), limits)) {}

TarReader::TarReader(ChunkSource source, const TarLimits& limits, SkipSource skip_source)
    : impl_(std::make_unique<Impl>(std::move(source), std::move(skip_source), limits)) {}

TarReader::~TarReader() = default;

const LayerEntry* TarReader::next() {
    return impl_->next();
}

std::optional<ContentPiece> TarReader::next_content() {
    return impl_->next_content();
}

uint64_t TarReader::position() const noexcept {
    return impl_->position();
}

}  // namespace nau::oci
