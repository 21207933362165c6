#pragma once

// A lock between processes: flock(2) on a file that exists for nothing else. The file is made when
// it is missing (mode 0600, close-on-exec) and normally stays. Whoever removes or replaces it does
// no harm: after each lock the path is looked at again, and when it no longer leads to the locked
// inode the attempt starts over, so that two holders can never hold two different files of the same
// name.
//
//   FileLock ──destructor or unlock()──▶ released; also by the kernel when the process dies
//
// flock locks belong to the open file description: a child that inherits the descriptor shares the
// lock. All descriptors of nau are close-on-exec, so no exec'd program keeps one.

#include <chrono>
#include <optional>
#include <string>

#include "sys/unique_fd.h"

namespace nau::sys {

class [[nodiscard]] FileLock {
  public:
    FileLock(FileLock&&) noexcept = default;
    FileLock& operator=(FileLock&&) noexcept = default;
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    ~FileLock() = default;

    // Wait as long as it takes. @throws SysError
    static FileLock exclusive(const std::string& path);
    static FileLock shared(const std::string& path);

    // nullopt when somebody else holds it. @throws SysError
    static std::optional<FileLock> try_exclusive(const std::string& path);
    static std::optional<FileLock> try_shared(const std::string& path);

    // Wait at most `timeout`. @throws Error{timed_out} naming the file and, where the kernel tells,
    // the process that holds it; SysError
    static FileLock exclusive_within(const std::string& path, std::chrono::milliseconds timeout);
    static FileLock shared_within(const std::string& path, std::chrono::milliseconds timeout);

    /// Before the destructor does it; a second call does nothing.
    void unlock() noexcept { fd_.reset(); }
    bool is_held() const noexcept { return static_cast<bool>(fd_); }
    /// Borrowed; for tests and for handing the lock over.
    int fd() const noexcept { return fd_.get(); }

  private:
    explicit FileLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    static std::optional<FileLock> attempt(const std::string& path, int operation);
    static FileLock within(const std::string& path,
                           int operation,
                           std::chrono::milliseconds timeout);

    UniqueFd fd_;
};

}  // namespace nau::sys
