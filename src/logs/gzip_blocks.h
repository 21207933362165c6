#pragma once

// An old log file, compressed. It is ordinary gzip that every tool reads: one member for each 256
// KiB of text. Each member's header says how long the member is, so that nau can read from any
// place, also backwards, with one block in memory:
//
//   member: 1f 8b 08 FEXTRA … [subfield "NL": u32 bytes of the member] deflate data, crc, size
//
// RFC 1952; the idea is that of bgzip, whose blocks of 64 KiB would compress worse.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sys/file_series.h"

namespace nau::logs {

/// Reads `source` from its beginning to its end and writes `target`, which is empty. Needs about
/// 600 KiB of memory. @throws SysError
void compress_file(int source, int target);

/// Reads what compress_file() has written. A damaged end is told as a warning and left out.
class GzipBlocks final : public sys::FileContent {
  public:
    /// Borrows the descriptor. @throws SysError
    explicit GzipBlocks(int fd);

    uint64_t size() override { return blocks_.empty() ? 0 : blocks_.back().end; }
    /// @throws SysError, Error{corrupt}
    size_t read(char* buffer, size_t size, uint64_t offset) override;

  private:
    struct Block {
        uint64_t place;  ///< of the member in the file
        uint32_t length;
        uint64_t begin;  ///< of its text in the whole
        uint64_t end;
    };

    void find_blocks();
    void load(size_t block);

    int fd_;
    std::vector<Block> blocks_;
    /// The text of blocks_[loaded_].
    std::string text_;
    size_t loaded_ = SIZE_MAX;
};

/// For sys::LineReader.
std::unique_ptr<sys::FileContent> open_gzip_blocks(int fd);

}  // namespace nau::logs
