#pragma once

// A file that is rotated, and its predecessors: path, path.1 (the youngest of the old), path.2 …
// One writer at a time appends and rotates; readers need no lock:
//
//   rotate:  .2 dropped ◀─ .1 → .2 ◀─ path → .1       by rename, from the old end
//   read:    path, .1, .2, opened from the young end, so that a file that is renamed meanwhile is
//            met again and known by its inode, never missed; read from the old end
//
// A reader keeps all of them open, so that no inode number is used again while it compares them.
// Once a successor exists, a file never grows again: the reader reads it to its end and goes on.
//
// An old file may be replaced by a compressed one, path.1.gz: first that one appears under its name
// and then path.1 goes, so that a reader who looks for them in the other order finds one of them.
// Both have the same modification time, to the nanosecond, and no other file of the series has it:
// by that the compressed one is known to be what has been read already. What compressing means is
// for the owner of the series to say (ContentOpener).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::sys {

/// Makes way for a new file: afterwards nothing is called `path`. At most `max_files` - 1 old ones
/// are kept; those beyond are removed. Missing ones are fine. @throws SysError
void rotate_file_series(const std::string& path, int max_files);

/// The name of the how-manieth predecessor: 0 is `path` itself.
std::string file_series_name(const std::string& path, int index);
/// The name of the same one compressed. @pre index > 0
std::string compressed_series_name(const std::string& path, int index);

/// What is in a compressed file.
class FileContent {
  public:
    FileContent() = default;
    FileContent(const FileContent&) = delete;
    FileContent& operator=(const FileContent&) = delete;
    virtual ~FileContent() = default;

    virtual uint64_t size() = 0;
    /// As pread(2): 0 at the end. @throws SysError, Error{corrupt}
    virtual size_t read(char* buffer, size_t size, uint64_t offset) = 0;
};

/// Borrows the descriptor of a compressed file. Called when the file is read first. Empty: the
/// series has no compressed files.
using ContentOpener = std::function<std::unique_ptr<FileContent>(int fd)>;

class FileSeries {
  public:
    struct File {
        UniqueFd fd;
        dev_t device;
        ino_t inode;
        bool is_compressed = false;
        std::unique_ptr<FileContent> content{};
    };

    /// Opens what exists. @throws SysError
    explicit FileSeries(std::string path, ContentOpener opener = {});

    /// From the oldest to the youngest; those before current_index() have been read.
    const std::vector<File>& files() const noexcept { return files_; }
    size_t current_index() const noexcept { return current_; }
    bool has_current() const noexcept { return current_ < files_.size(); }
    /// Of the text in it. @throws SysError, Error{corrupt}
    uint64_t size_of(size_t index);
    size_t read(size_t index, char* buffer, size_t size, uint64_t offset);
    void set_current(size_t index) noexcept { current_ = index; }

    /// Looks whether there is a file after the current one. When there is, the current one is
    /// complete as it stands. @throws SysError
    bool has_successor();
    /// @pre has_successor()
    void advance() noexcept { ++current_; }

  private:
    void refresh();
    FileContent* content_of(File& file);
    std::optional<File> open_member(int index) const;

    std::string path_;
    ContentOpener opener_;
    std::vector<File> files_;
    size_t current_ = 0;
};

/// The lines of a series, one after the other, while it grows and rotates.
class LineReader {
  public:
    /// A longer line is skipped.
    static constexpr size_t kMaxLine = size_t{4} * 1024 * 1024;

    explicit LineReader(std::string path, ContentOpener opener = {})
        : series_(std::move(path), std::move(opener)) {}

    /// The next finished line without its '\n', valid until the next call; nullopt when there is
    /// none now. An unfinished line at the end of a file that has a successor is skipped.
    std::optional<std::string_view> next();

    /// Shows `stop` the finished lines from the last one backwards until it returns true, or to the
    /// beginning; next() then gives the line after that one. For finding the last N lines without
    /// reading all.
    void seek_backwards(const std::function<bool(std::string_view)>& stop);

  private:
    std::optional<std::string_view> take_line() noexcept;
    bool fill();
    void forget_unread() noexcept;

    FileSeries series_;
    /// Of the current file: buffer_ from start_ on is unread and contains no '\n' before scanned_;
    /// offset_ is where the buffer ends in the file.
    std::string buffer_;
    size_t start_ = 0;
    size_t scanned_ = 0;
    uint64_t offset_ = 0;
    /// The current file has a successor: what is read now is its end.
    bool is_complete_ = false;
    /// Inside a line that is longer than kMaxLine.
    bool skips_line_ = false;
};

}  // namespace nau::sys
