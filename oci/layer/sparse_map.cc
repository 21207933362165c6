#include "oci/layer/sparse_map.h"

#include <string>

#include "base/error.h"
#include "base/parse.h"

namespace nau::oci {

namespace {

constexpr size_t kGnuEntrySize = 24;
constexpr size_t kGnuEntriesPerBlock = 21;

[[noreturn]] void fail() {
    throw Error(ErrorKind::corrupt, "damaged sparse map");
}

uint64_t required(std::optional<int64_t> number) {
    if (!number || *number < 0) {
        fail();
    }
    return static_cast<uint64_t>(*number);
}

uint64_t parse_number(std::string_view text) {
    return required(parse_int64(text));
}

/// Appends the entries of a header or extension block; an empty one ends the list.
void append_gnu_entries(SparseMap& map, std::string_view field) {
    for (; field.size() >= kGnuEntrySize; field.remove_prefix(kGnuEntrySize)) {
        if (field[0] == '\0') {
            return;
        }
        map.push_back({.offset = required(tar_number(field.substr(0, 12))),
                       .length = required(tar_number(field.substr(12, 12)))});
    }
}

/// Decimal lines from the blocks at the beginning of a file's content.
class LineReader {
  public:
    LineReader(const NextBlock& next_block, uint64_t max_bytes)
        : next_block_(next_block), bytes_left_(max_bytes) {}

    uint64_t next_number() {
        for (;;) {
            const size_t end = text_.find('\n', position_);
            if (end != std::string::npos) {
                const auto line = std::string_view(text_).substr(position_, end - position_);
                position_ = end + 1;
                return parse_number(line);
            }
            text_.erase(0, position_);
            position_ = 0;
            append_block();
        }
    }

  private:
    void append_block() {
        if (bytes_left_ < kTarBlockSize) {
            throw Error(ErrorKind::corrupt, "sparse map is too long");
        }
        bytes_left_ -= kTarBlockSize;
        const auto block = next_block_();
        text_.append(reinterpret_cast<const char*>(block.data()), block.size());
    }

    const NextBlock& next_block_;
    uint64_t bytes_left_;
    std::string text_;
    size_t position_ = 0;
};

}  // namespace

SparseMap read_gnu_sparse_map(const TarBlock& header,
                              const NextBlock& next_block,
                              uint64_t max_map_bytes) {
    SparseMap map;
    append_gnu_entries(map, header.gnu_sparse_map());
    bool is_extended = header.gnu_sparse_is_extended();
    for (uint64_t read = 0; is_extended; read += kTarBlockSize) {
        if (read >= max_map_bytes) {
            throw Error(ErrorKind::corrupt, "sparse map is too long");
        }
        const auto block = next_block();
        const std::string_view text(reinterpret_cast<const char*>(block.data()), block.size());
        append_gnu_entries(map, text.substr(0, kGnuEntriesPerBlock * kGnuEntrySize));
        is_extended = text[kGnuEntriesPerBlock * kGnuEntrySize] != '\0';
    }
    return map;
}

SparseMap parse_pax_sparse_map(const PaxRecords& records) {
    const auto text = records.find(pax_key::kSparseMap);
    const auto count_text = records.find(pax_key::kSparseBlocks);
    const bool has_entries = text != records.end() && !text->second.empty();
    const uint64_t count = count_text != records.end() ? parse_number(count_text->second) : 0;
    const auto numbers = has_entries ? split(text->second, ',') : std::vector<std::string_view>{};
    if (numbers.size() % 2 != 0 || numbers.size() / 2 != count) {
        fail();
    }
    SparseMap map;
    for (size_t i = 0; i < numbers.size(); i += 2) {
        map.push_back({.offset = parse_number(numbers[i]), .length = parse_number(numbers[i + 1])});
    }
    return map;
}

SparseMap read_content_sparse_map(const NextBlock& next_block, uint64_t max_map_bytes) {
    LineReader lines(next_block, max_map_bytes);
    const uint64_t count = lines.next_number();
    SparseMap map;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t offset = lines.next_number();
        map.push_back({.offset = offset, .length = lines.next_number()});
    }
    return map;
}

void check_sparse_map(const SparseMap& map, uint64_t file_size, uint64_t stored_bytes) {
    uint64_t end = 0;
    uint64_t data_bytes = 0;
    for (const auto& extent : map) {
        if (extent.offset < end || extent.offset > file_size ||
            extent.length > file_size - extent.offset) {
            fail();
        }
        end = extent.offset + extent.length;
        data_bytes += extent.length;
    }
    if (data_bytes != stored_bytes) {
        throw Error(ErrorKind::corrupt, "sparse map does not fit the stored data");
    }
}

}  // namespace nau::oci
