#include "logs/writer.h"

#include <algorithm>
#include <array>
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

/// The size without an unfinished record at the end, which a killed monitor may have left.
uint64_t finished_size(int fd, uint64_t size) {
    std::string tail(std::min<uint64_t>(size, kMaxLine), '\0');
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

Time modification_time(const struct ::stat& status) {
    return Time(std::chrono::seconds(status.st_mtim.tv_sec) +
                std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

timespec to_timespec(Time time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    return {.tv_sec = seconds.count(), .tv_nsec = (time.time_since_epoch() - seconds).count()};
}

}  // namespace

LogWriter::LogWriter(std::filesystem::path path, LogLimits limits, Codec codec)
    : path_(std::move(path)), limits_(limits), codec_(std::move(codec)) {
    limits_.max_files = std::max(limits_.max_files, 1U);
    open();
    find_old_files();
}

/// What an earlier writer has left.
void LogWriter::find_old_files() {
    for (int i = 1; i < static_cast<int>(limits_.max_files); ++i) {
        const auto plain = sys::stat_if_exists(sys::file_series_name(path_.string(), i));
        const auto compressed = sys::stat_if_exists(sys::compressed_series_name(path_.string(), i));
        if (!plain && !compressed) {
            break;
        }
        last_end_ = std::max(last_end_, modification_time(plain ? *plain : *compressed));
        chain_.push_back({.number = 0, .is_compressed = !plain});
    }
    for (size_t i = 0; i < chain_.size(); ++i) {
        chain_[i].number = chain_.size() - 1 - i;
    }
}

/// A time that no other file of the series has: by it readers know the file's compressed copy.
void LogWriter::mark_end_of_file() {
    last_end_ = std::max(SystemClock().now(), last_end_ + std::chrono::nanoseconds(1));
    const std::array<timespec, 2> times = {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                           to_timespec(last_end_)};
    if (::futimens(file_.get(), times.data()) != 0) {
        NAU_LOG_WARN("log {}: setting its time: {}, ignoring", path_.string(), errno_text(errno));
    }
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
    const uint64_t next = chain_.front().number + 1;
    open();
    chain_.front().number = next;
}

void LogWriter::rotate() {
    size_t keep = limits_.max_files;
    const uint64_t current = chain_.front().number;
    if (keep_from_ && *keep_from_ <= current) {
        keep = std::max<size_t>(keep, current - *keep_from_ + 2);
    }
    if (file_) {
        mark_end_of_file();
    }
    NAU_FAIL_POINT("logs.rotate.before_rename");
    file_.reset();  // whatever fails from here on, nothing is added to a file that others have left
    sys::rotate_file_series(path_.string(), static_cast<int>(keep));
    NAU_FAIL_POINT("logs.rotate.before_open");
    chain_.resize(std::min(chain_.size(), keep - 1));
    chain_.insert(chain_.begin(), File{.number = current + 1});
    open();
}

void LogWriter::check_file() {
    struct ::stat status {};
    if (file_ && ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) {
        size_ = static_cast<uint64_t>(status.st_size);  // somebody may have emptied it
        return;
    }
    const uint64_t next = chain_.front().number + 1;
    open();  // removed: its space is given back, and a new one begins
    chain_.front().number = next;
}

void LogWriter::flush() noexcept {
    if (buffer_.empty()) {
        return;
    }
    ssize_t written = -1;
    if (file_) {
        written = sys::retry([&] { return ::write(file_.get(), buffer_.data(), buffer_.size()); });
        if (written != static_cast<ssize_t>(buffer_.size())) {
            last_error_ = written < 0 ? errno : ENOSPC;  // a disk with room takes all
        }
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
                std::string text;
                for (size_t at = 0; at < kept;) {
                    const size_t end = buffer_.find('\n', at);
                    const auto record =
                        parse_line(std::string_view(buffer_).substr(at, end - at), text);
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
    const size_t begin = buffer_.size();
    codec_.append(buffer_, time, record);
    const uint64_t limit = limits_.max_size_bytes;
    const bool must_rotate = limit > 0 && size_ + buffer_.size() > limit && size_ + begin > 0;
    if (begin > 0 && (must_rotate || buffer_.size() > kBufferSize)) {
        const std::string last = buffer_.substr(begin);
        buffer_.resize(begin);
        flush();
        buffer_ = last;
    }
    if (must_rotate && size_ > 0) {
        rotate();
    }
    buffered_content_ += record.text.size() + (record.is_partial ? 0 : 1);
}

void LogWriter::write(Stream stream, std::string_view bytes, Time now) noexcept {
    try {
        check_file();
        buffer_.reserve(kBufferSize);
        const std::string time = codec_.time_text(now);
        while (!bytes.empty()) {
            const size_t newline = bytes.substr(0, kMaxText + 1).find('\n');
            const bool is_partial = newline == std::string_view::npos;
            const std::string_view text =
                bytes.substr(0, is_partial ? std::min(bytes.size(), kMaxText) : newline);
            append(time, {now, stream, is_partial, text});
            bytes.remove_prefix(text.size() + (is_partial ? 0 : 1));
        }
    } catch (const SysError& error) {
        last_error_ = error.error();
        lost_bytes_ += bytes.size();  // what has been buffered is still tried
    } catch (const std::exception&) {
        lost_bytes_ += bytes.size();  // what has been buffered is still tried
    }
    flush();
}

std::optional<sys::UniqueFd> LogWriter::open_for_reading(uint64_t file) const noexcept {
    const auto found = std::ranges::find(chain_, file, &File::number);
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

LogWriter::File* LogWriter::find(uint64_t file) noexcept {
    const auto found = std::ranges::find(chain_, file, &File::number);
    return found == chain_.end() ? nullptr : &*found;
}

std::optional<uint64_t> LogWriter::next_to_compress() const noexcept {
    if (!limits_.compresses) {
        return std::nullopt;
    }
    const auto found = std::find_if(
        chain_.begin() + 1, chain_.end(), [](const File& file) { return !file.is_compressed; });
    return found == chain_.end() ? std::nullopt : std::optional(found->number);
}

void LogWriter::give_up_compressing(uint64_t file) noexcept {
    (void)::unlink(temporary().c_str());  // there may be none
    if (File* found = find(file)) {
        found->is_compressed = true;
    }
}

void LogWriter::take_compressed(uint64_t file) noexcept {
    File* found = find(file);
    if (found == nullptr) {
        (void)::unlink(temporary().c_str());  // dropped meanwhile
        return;
    }
    try {
        const auto index = static_cast<int>(found - chain_.data());
        const std::string plain = sys::file_series_name(path_.string(), index);
        const struct ::stat status = sys::stat(plain);
        const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
        if (::utimensat(AT_FDCWD, temporary().c_str(), times.data(), 0) != 0) {
            throw SysError(errno, "set the time of {}", temporary().string());
        }
        NAU_FAIL_POINT("logs.compress.before_rename");
        sys::rename(temporary().string(), sys::compressed_series_name(path_.string(), index));
        NAU_FAIL_POINT("logs.compress.before_unlink");
        (void)sys::unlink_if_exists(plain);
        found->is_compressed = true;
    } catch (const std::exception& error) {
        NAU_LOG_WARN("log: compressing: {}, ignoring", error.what());
        give_up_compressing(file);
    }
}

}  // namespace nau::logs
