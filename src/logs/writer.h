#pragma once

// The log's writing end, owned by the monitor, the only writer. The file is bounded: a record that
// would make it longer than max_size_bytes goes to a new file, after container.log → .1 → .2 … (the
// oldest is dropped). Nothing that happens to the file may harm the container: a full disk loses
// text and counts it, a removed file is made anew, and a half-written record is taken back.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "logs/codec.h"
#include "sys/unique_fd.h"

namespace nau::logs {

struct LogLimits {
    /// Of one file; 0: unbounded.
    uint64_t max_size_bytes = 16 * 1024 * 1024;
    /// All files together, the current one included; at least 1 (which starts the file anew).
    uint32_t max_files = 3;
    /// Old files are to be compressed: next_to_compress() names them.
    bool compresses = false;
};

class LogWriter {
  public:
    /// Opens or makes the file (mode 0600) and goes on behind what it holds; an unfinished last
    /// record is cut off. @throws SysError; Error{invalid} when it is no regular file
    LogWriter(std::filesystem::path path, LogLimits limits, Codec codec = {});

    /// Splits the bytes at '\n' into records; the rest without '\n' becomes a partial record at
    /// once, so that a prompt is in the log when it is on the screen. Never throws for what happens
    /// to the file.
    void write(Stream stream, std::string_view bytes, Time now) noexcept;

    /// Closes and opens the path again: for an outside logrotate that renames. @throws SysError
    void reopen();

    /// Between writes: the memory comes back with the next one.
    void release_buffer() noexcept { buffer_ = {}; }

    /// Bytes of the container that could not be written.
    uint64_t lost_bytes() const noexcept { return lost_bytes_; }
    /// The errno of the last loss; EIO where there is none.
    int last_error() const noexcept { return last_error_; }

    // What was written can be read back, by a client that was too slow for the live output. The
    // files have numbers that only grow.

    struct Position {
        uint64_t file = 0;
        uint64_t offset = 0;
    };
    /// Where the next record will be.
    Position position() const noexcept { return {chain_.front().number, size_}; }
    /// How many files there are after this one.
    uint64_t files_after(uint64_t file) const noexcept { return chain_.front().number - file; }
    /// A reader of this file would soon miss others, unless nothing is written for a while.
    bool is_full_for(uint64_t file) const noexcept { return files_after(file) > limits_.max_files; }
    /// nullopt when it has been dropped or removed.
    std::optional<sys::UniqueFd> open_for_reading(uint64_t file) const noexcept;
    /// This file and younger ones are kept, even if there are more than max_files for a while;
    /// nullopt: none.
    void keep_from(std::optional<uint64_t> file) noexcept { keep_from_ = file; }

    // Compressing takes long, so somebody else does it (a child of the monitor) into temporary():
    //
    //   next_to_compress() ─▶ open_for_reading() ─▶ compress_file() ─▶ take_compressed()
    //
    // Meanwhile the file may be renamed by a rotation, or dropped.

    /// The youngest old file that is not compressed and for which nobody has failed yet.
    std::optional<uint64_t> next_to_compress() const noexcept;
    std::filesystem::path temporary() const { return path_.string() + ".gz.tmp"; }
    /// Puts temporary() in the place of the file; removes it when it cannot, or when there is
    /// nothing to replace.
    void take_compressed(uint64_t file) noexcept;
    /// It is not tried again.
    void give_up_compressing(uint64_t file) noexcept;

  private:
    struct File {
        uint64_t number;
        /// Or it cannot be.
        bool is_compressed = false;
    };

    void open();
    void find_old_files();
    void mark_end_of_file();
    File* find(uint64_t file) noexcept;
    void rotate();
    void append(std::string_view time, const Record& record);
    void flush() noexcept;
    void check_file();

    std::filesystem::path path_;
    LogLimits limits_;
    Codec codec_;
    sys::UniqueFd file_;
    uint64_t size_ = 0;  ///< of the file
    /// path, path.1, path.2 …
    std::vector<File> chain_ = {File{.number = 0}};
    /// The modification time of the youngest old file.
    Time last_end_{};
    std::optional<uint64_t> keep_from_;
    uint64_t lost_bytes_ = 0;
    int last_error_ = EIO;
    std::string buffer_;
    uint64_t buffered_content_ = 0;  ///< bytes of the container in buffer_
};

}  // namespace nau::logs
