#include "logs/writer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "sys/file.h"
#include "sys/file_series.h"

namespace nau::logs {

namespace {

constexpr size_t kBufferSize = 32 * 1024;
/// Longer pieces of a line are cut into partial records.
constexpr size_t kMaxText = 16 * 1024;

/// The size without an unfinished record at the end, which a killed monitor may have left.
uint64_t finished_size(int fd, uint64_t size) {
    constexpr uint64_t kTail = kMaxText + 2 * kMaxRecordHead;
    std::string tail(std::min(size, kTail), '\0');
    const ssize_t count =
        ::pread(fd, tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
    if (count != static_cast<ssize_t>(tail.size())) {
        return size;
    }
    const size_t newline = tail.rfind('\n');
    if (newline != std::string::npos) {
        return size - tail.size() + newline + 1;
    }
    return tail.size() == size ? 0 : size;  // not our text: leave it alone
}

}  // namespace

LogWriter::LogWriter(std::filesystem::path path, LogLimits limits)
    : path_(std::move(path)), limits_(limits) {
    limits_.max_files = std::max(limits_.max_files, 1U);
    open();
}

void LogWriter::open() {
    sys::UniqueFd file =
        sys::open(path_.string(), O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0600);
    const struct ::stat status = sys::fstat(file.get());
    if (!S_ISREG(status.st_mode)) {
        throw Error(ErrorKind::invalid, "log {}: is not a regular file", path_.string());
    }
    auto size = static_cast<uint64_t>(status.st_size);
    const uint64_t finished = finished_size(file.get(), size);
    if (finished != size) {
        sys::ftruncate(file.get(), static_cast<off_t>(finished));
        size = finished;
    }
    file_ = std::move(file);
    size_ = size;
}

void LogWriter::reopen() {
    flush();
    const uint64_t next = chain_.front() + 1;
    open();
    chain_.front() = next;
}

void LogWriter::rotate() {
    size_t keep = limits_.max_files;
    if (keep_from_ && *keep_from_ <= chain_.front()) {
        keep = std::max<size_t>(keep, chain_.front() - *keep_from_ + 2);
    }
    NAU_FAIL_POINT("logs.rotate.before_rename");
    file_.reset();  // whatever fails from here on, nothing is added to a file that others have left
    sys::rotate_file_series(path_.string(), static_cast<int>(keep));
    NAU_FAIL_POINT("logs.rotate.before_open");
    const uint64_t next = chain_.front() + 1;
    chain_.resize(std::min(chain_.size(), keep - 1));
    chain_.insert(chain_.begin(), next);
    open();
}

void LogWriter::check_file() {
    struct ::stat status {};
    if (file_ && ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) {
        size_ = static_cast<uint64_t>(status.st_size);  // somebody may have emptied it
        return;
    }
    const uint64_t next = chain_.front() + 1;
    open();  // removed: its space is given back, and a new one begins
    chain_.front() = next;
}

void LogWriter::flush() noexcept {
    if (buffer_.empty()) {
        return;
    }
    ssize_t written = -1;
    if (file_) {
        written = sys::retry([&] { return ::write(file_.get(), buffer_.data(), buffer_.size()); });
    }
    if (written == static_cast<ssize_t>(buffer_.size())) {
        size_ += buffer_.size();
    } else {
        // Disk full or broken: half a record would be read as a shorter text.
        if (written > 0) {
            const size_t whole = buffer_.rfind('\n', static_cast<size_t>(written) - 1);
            const size_t kept =
                whole == std::string::npos || whole >= static_cast<size_t>(written) ? 0 : whole + 1;
            if (::ftruncate(file_.get(), static_cast<off_t>(size_ + kept)) == 0) {
                size_ += kept;
                for (size_t at = 0; at < kept;) {
                    const size_t end = buffer_.find('\n', at);
                    const auto record =
                        parse_record(std::string_view(buffer_).substr(at, end - at));
                    if (record) {
                        buffered_content_ -= record->text.size() + (record->is_partial ? 0 : 1);
                    }
                    at = end + 1;
                }
            }
        }
        lost_bytes_ += buffered_content_;
    }
    buffer_.clear();
    buffered_content_ = 0;
}

void LogWriter::append(std::string_view time, const Record& record) {
    const size_t length = kMaxRecordHead + record.text.size() + 1;
    if (buffer_.size() + length > kBufferSize) {
        flush();
    }
    const uint64_t limit = limits_.max_size_bytes;
    if (limit > 0 && size_ + buffer_.size() + length > limit && size_ + buffer_.size() > 0) {
        flush();
        if (size_ > 0) {
            rotate();
        }
    }
    append_record(buffer_, time, record);
    buffered_content_ += record.text.size() + (record.is_partial ? 0 : 1);
}

void LogWriter::write(Stream stream, std::string_view bytes, Time now) noexcept {
    try {
        check_file();
        buffer_.reserve(kBufferSize);
        const std::string time = format_rfc3339(now);
        while (!bytes.empty()) {
            const size_t newline = bytes.substr(0, kMaxText + 1).find('\n');
            const bool is_partial = newline == std::string_view::npos;
            const std::string_view text =
                bytes.substr(0, is_partial ? std::min(bytes.size(), kMaxText) : newline);
            append(time, {now, stream, is_partial, text});
            bytes.remove_prefix(text.size() + (is_partial ? 0 : 1));
        }
    } catch (const std::exception&) {
        lost_bytes_ += bytes.size();  // what has been buffered is still tried
    }
    flush();
}

std::optional<sys::UniqueFd> LogWriter::open_for_reading(uint64_t file) const noexcept {
    const auto found = std::find(chain_.begin(), chain_.end(), file);
    if (found == chain_.end()) {
        return std::nullopt;
    }
    try {
        return sys::open_if_exists(
            sys::file_series_name(path_.string(), static_cast<int>(found - chain_.begin())),
            O_RDONLY | O_NONBLOCK | O_NOCTTY);
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace nau::logs
