#include "events/journal.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "sys/file.h"
#include "sys/file_series.h"
#include "sys/lock_file.h"
#include "sys/unique_fd.h"

namespace nau::events {

namespace {

constexpr std::chrono::milliseconds kPatience{250};

std::optional<sys::FileLock> lock_journal(const std::filesystem::path& journal) {
    const std::string path = journal.string() + ".lock";
    try {
        if (auto lock = sys::FileLock::try_exclusive(path)) {
            return lock;
        }
        return sys::FileLock::exclusive_within(path, kPatience);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::timed_out) {
            throw;
        }
        NAU_LOG_WARN("{}, ignoring", error.text());
        return std::nullopt;
    }
}

sys::UniqueFd open_journal(const std::filesystem::path& path) {
    return sys::open(path, O_RDWR | O_APPEND | O_CREAT | O_NOCTTY, 0600);
}

bool ends_unfinished(int fd, uint64_t size) {
    char last = '\n';
    return size > 0 && ::pread(fd, &last, 1, static_cast<off_t>(size - 1)) == 1 && last != '\n';
}

}  // namespace

Journal::Journal(std::filesystem::path path, JournalLimits limits)
    : path_(std::move(path)), limits_(limits) {}

void Journal::append(const Event& event) const {
    append(std::span(&event, 1));
}

void Journal::append(std::span<const Event> events) const {
    std::string line;
    for (const auto& event : events) {
        line += to_json_line(event);
    }
    std::optional<sys::FileLock> lock;
    try {
        lock = lock_journal(path_);
    } catch (const SysError& error) {
        if (error.error() != ENOENT) {
            throw;
        }
        sys::make_directories(path_.parent_path(), 0700);
        lock = lock_journal(path_);
    }
    sys::UniqueFd file = open_journal(path_);
    auto size = static_cast<uint64_t>(sys::fstat(file.get()).st_size);
    if (lock && size > 0 && size + line.size() > limits_.max_size_bytes) {
        sys::rotate_file_series(path_, limits_.max_files);
        NAU_FAIL_POINT("events.append.rotated");
        file = open_journal(path_);
        size = 0;
    }
    if (ends_unfinished(file.get(), size)) {
        line.insert(line.begin(), '\n');
    }
    NAU_FAIL_POINT("events.append.before_write");
    const ssize_t written =
        sys::retry([&] { return ::write(file.get(), line.data(), line.size()); });
    if (written < 0) {
        throw SysError(errno, "write {}", path_.string());
    }
    if (static_cast<size_t>(written) != line.size()) {
        throw SysError(ENOSPC, "write {}", path_.string());  // the next one begins a new line
    }
}

}  // namespace nau::events
