#pragma once

// The owner of one file descriptor. A raw `int fd` parameter borrows, a UniqueFd parameter takes.
// The destructor closes quietly and keeps errno; where a failing close matters (the last word of a
// network file system about written data), close_checked() reports it.

#include <cerrno>
#include <type_traits>
#include <utility>

namespace nau::sys {

class [[nodiscard]] UniqueFd {
  public:
    UniqueFd() noexcept = default;
    /// Takes `fd`; a negative number means "none".
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    ~UniqueFd() { reset(); }

    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor away; the caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Closes what is held, without a word, and takes `fd`.
    void reset(int fd = -1) noexcept;
    /// Closes now. `what` names the file in the error. @throws SysError
    void close_checked(const char* what);

    /// A second descriptor of the same open file description (F_DUPFD_CLOEXEC). @throws SysError
    UniqueFd duplicate() const;

  private:
    int fd_ = -1;
};

/// Repeats a system call in the C library's convention (-1 and errno) while it is interrupted.
/// Never use it for close(): on Linux the descriptor is gone even after EINTR.
template <typename Call>
std::invoke_result_t<Call> retry(Call&& call) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) {
            return result;
        }
    }
}

}  // namespace nau::sys
