#include "sys/file_series.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::sys {

namespace {

constexpr size_t kBlock = size_t{64} * 1024;

/// A file and its compressed copy are the same, too. The time of an open file is asked for anew:
/// it is final only when the file has a successor.
bool is_same(const FileSeries::File& a, const FileSeries::File& b) {
    if (a.device == b.device && a.inode == b.inode) {
        return true;
    }
    if (!a.is_compressed && !b.is_compressed) {
        return false;
    }
    const auto first = fstat(a.fd.get()).st_mtim;
    const auto second = fstat(b.fd.get()).st_mtim;
    return first.tv_sec == second.tv_sec && first.tv_nsec == second.tv_nsec;
}

bool rename_if_exists(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) {
        return true;
    }
    if (errno != ENOENT) {
        throw SysError(errno, "rename {} to {}", from, to);
    }
    return false;
}

std::optional<FileSeries::File> open_file(const std::string& name) {
    auto fd = open_if_exists(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) {
        return std::nullopt;
    }
    const struct ::stat status = fstat(fd->get());
    return FileSeries::File{std::move(*fd), status.st_dev, status.st_ino};
}

size_t pread_some(int fd, char* buffer, size_t size, uint64_t offset) {
    const ssize_t count =
        retry([&] { return ::pread(fd, buffer, size, static_cast<off_t>(offset)); });
    if (count < 0) {
        throw SysError(errno, "read {}", describe_fd(fd));
    }
    return static_cast<size_t>(count);
}

/// Where the last finished line of the file ends.
uint64_t end_of_finished_lines(FileSeries& series, size_t index) {
    uint64_t end = series.size_of(index);
    std::string block(std::min<uint64_t>(kBlock, end), '\0');
    while (end > 0) {
        const uint64_t begin = end - std::min<uint64_t>(kBlock, end);
        const size_t count = series.read(index, block.data(), end - begin, begin);
        const size_t newline = std::string_view(block).substr(0, count).rfind('\n');
        if (newline != std::string_view::npos) {
            return begin + newline + 1;
        }
        end = begin;
    }
    return 0;
}

/// Shows the finished lines backwards; the end of the line at which `stop` was true.
std::optional<uint64_t> find_backwards(FileSeries& series,
                                       size_t index,
                                       const std::function<bool(std::string_view)>& stop) {
    uint64_t end = end_of_finished_lines(series, index);
    std::string rest;  // what is known of the line that reaches beyond `end`, '\n' included
    while (end > 0) {
        const uint64_t base = end - std::min<uint64_t>(kBlock, end);
        std::string block(end - base, '\0');
        block.resize(series.read(index, block.data(), block.size(), base));
        block += rest;
        size_t line_end = block.size();
        while (line_end > 0) {
            const size_t newline =
                line_end < 2 ? std::string::npos : block.rfind('\n', line_end - 2);
            if (newline == std::string::npos && base > 0) {
                break;
            }
            const size_t begin = newline == std::string::npos ? 0 : newline + 1;
            if (stop(std::string_view(block).substr(begin, line_end - 1 - begin))) {
                return base + line_end;
            }
            line_end = begin;
        }
        rest = block.substr(0, line_end);
        end = base;
    }
    return std::nullopt;
}

}  // namespace

std::string file_series_name(const std::string& path, int index) {
    return index == 0 ? path : fmt::format("{}.{}", path, index);
}

std::string compressed_series_name(const std::string& path, int index) {
    return file_series_name(path, index) + ".gz";
}

namespace {

bool exists_in_series(const std::string& path, int index) {
    return file_exists(file_series_name(path, index)) ||
           file_exists(compressed_series_name(path, index));
}

}  // namespace

void rotate_file_series(const std::string& path, int max_files) {
    for (int i = std::max(max_files, 1);; ++i) {
        const bool was_plain = unlink_if_exists(file_series_name(path, i));
        const bool was_compressed = unlink_if_exists(compressed_series_name(path, i));
        if (!was_plain && !was_compressed) {
            break;
        }
    }
    if (max_files <= 1) {
        (void)unlink_if_exists(path);  // absent is fine
        return;
    }
    // The first free name; without one the oldest file gives its own.
    int last = 1;
    while (last < max_files - 1 && exists_in_series(path, last)) {
        ++last;
    }
    (void)unlink_if_exists(file_series_name(path, last));
    (void)unlink_if_exists(compressed_series_name(path, last));
    for (int i = last; i > 1; --i) {
        (void)rename_if_exists(compressed_series_name(path, i - 1),
                               compressed_series_name(path, i));
        (void)rename_if_exists(file_series_name(path, i - 1), file_series_name(path, i));
    }
    (void)rename_if_exists(path, file_series_name(path, 1));
}

FileSeries::FileSeries(std::string path, ContentOpener opener)
    : path_(std::move(path)), opener_(std::move(opener)) {
    refresh();
}

FileContent* FileSeries::content_of(File& file) {
    if (file.is_compressed && !file.content) {
        file.content = opener_(file.fd.get());
    }
    return file.content.get();
}

uint64_t FileSeries::size_of(size_t index) {
    File& file = files_.at(index);
    FileContent* content = content_of(file);
    return content != nullptr ? content->size()
                              : static_cast<uint64_t>(fstat(file.fd.get()).st_size);
}

size_t FileSeries::read(size_t index, char* buffer, size_t size, uint64_t offset) {
    File& file = files_.at(index);
    FileContent* content = content_of(file);
    return content != nullptr ? content->read(buffer, size, offset)
                              : pread_some(file.fd.get(), buffer, size, offset);
}

/// The plain one where there are both: its copy has only just been made.
std::optional<FileSeries::File> FileSeries::open_member(int index) const {
    auto file = open_file(file_series_name(path_, index));
    if (file || index == 0 || !opener_) {
        return file;
    }
    file = open_file(compressed_series_name(path_, index));
    if (file) {
        file->is_compressed = true;
    }
    return file;
}

void FileSeries::refresh() {
    std::vector<File> found;  // the youngest first
    int holes = 0;
    for (int i = 0; holes < 2; ++i) {
        auto file = open_member(i);
        if (!file) {
            ++holes;  // a rotation under way leaves one hole at a time
            continue;
        }
        holes = 0;
        // Met again: it was renamed behind our back, and what was met in between is younger than
        // the first one; it will be found as a successor.
        const auto again = std::find_if(
            found.begin(), found.end(), [&](const File& other) { return is_same(other, *file); });
        if (again != found.end()) {
            found.erase(again + 1, found.end());
        } else {
            found.push_back(std::move(*file));
        }
    }
    std::reverse(found.begin(), found.end());
    // Go on after the youngest file that has been read or begun.
    size_t current = 0;
    const size_t begun = std::min(current_ + 1, files_.size());
    for (size_t i = 0; i < found.size(); ++i) {
        for (size_t j = 0; j < begun; ++j) {
            if (is_same(found[i], files_[j])) {
                current = i + 1;
            }
        }
    }
    if (begun > 0) {
        File& reading = files_[begun - 1];
        if (current == 0 || !is_same(found[current - 1], reading)) {
            // It stays, although it has been dropped from the disk.
            found.insert(found.begin() + static_cast<ptrdiff_t>(current), std::move(reading));
            ++current;
        }
        --current;
    }
    files_ = std::move(found);
    current_ = current;
}

bool FileSeries::has_successor() {
    if (current_ + 1 < files_.size()) {
        return true;
    }
    const auto status = stat_if_exists(path_);
    if (!status) {
        return false;  // none, or in the middle of a rotation: the writer's next line wakes us up
    }
    if (!files_.empty() && files_.back().device == status->st_dev &&
        files_.back().inode == status->st_ino) {
        return false;
    }
    const bool was_empty = files_.empty();
    refresh();
    return was_empty ? false : current_ + 1 < files_.size();
}

void LineReader::forget_unread() noexcept {
    // Read again from the start of the line next time: its writer may take half a record back.
    offset_ -= buffer_.size() - start_;
    buffer_.clear();
    start_ = 0;
    scanned_ = 0;
}

std::optional<std::string_view> LineReader::take_line() noexcept {
    while (true) {
        const size_t from = std::max(start_, scanned_);
        const size_t newline = buffer_.find('\n', from);
        if (newline == std::string::npos) {
            scanned_ = buffer_.size();
            if (buffer_.size() - start_ > kMaxLine) {
                skips_line_ = true;
                buffer_.clear();
                start_ = scanned_ = 0;
            }
            return std::nullopt;
        }
        const std::string_view line = std::string_view(buffer_).substr(start_, newline - start_);
        start_ = scanned_ = newline + 1;
        if (!skips_line_) {
            return line;
        }
        skips_line_ = false;
    }
}

bool LineReader::fill() {
    if (!series_.has_current()) {
        return false;
    }
    const size_t index = series_.current_index();
    buffer_.erase(0, start_);
    scanned_ -= std::min(start_, scanned_);
    start_ = 0;
    const size_t old_size = buffer_.size();
    buffer_.resize(old_size + kBlock);
    const size_t count = series_.read(index, buffer_.data() + old_size, kBlock, offset_);
    buffer_.resize(old_size + count);
    offset_ += count;
    if (count == 0 && series_.size_of(index) < offset_) {
        offset_ = 0;  // somebody has emptied the file: what comes now is new
        buffer_.clear();
        scanned_ = 0;
        return series_.size_of(index) > 0;
    }
    return count > 0;
}

std::optional<std::string_view> LineReader::next() {
    while (true) {
        if (const auto line = take_line()) {
            return line;
        }
        if (fill()) {
            continue;
        }
        if (is_complete_) {
            series_.advance();
            buffer_.clear();
            start_ = scanned_ = 0;
            offset_ = 0;
            is_complete_ = false;
            skips_line_ = false;
            continue;
        }
        const bool had_file = series_.has_current();
        is_complete_ = series_.has_successor();
        if (!is_complete_ && had_file == series_.has_current()) {
            forget_unread();
            return std::nullopt;
        }
    }
}

void LineReader::seek_backwards(const std::function<bool(std::string_view)>& stop) {
    buffer_.clear();
    start_ = scanned_ = 0;
    is_complete_ = false;
    skips_line_ = false;
    offset_ = 0;
    for (size_t i = series_.files().size(); i-- > 0;) {
        series_.set_current(i);
        if (const auto offset = find_backwards(series_, i, stop)) {
            offset_ = *offset;
            return;
        }
    }
}

}  // namespace nau::sys
