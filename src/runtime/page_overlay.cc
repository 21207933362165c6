#include "runtime/page_overlay.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <fmt/format.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace {

namespace raw = sys::raw;

/// Of PAGE_SIZE, the last byte is the kernel's NUL.
constexpr size_t kMountOptionsMax = 4095;

/// Where the mount is for a moment; any directory that is always there will do.
constexpr const char* kMountPoint = "/proc";

/// Every directory of the overlay, opened for its number: the shortest name there is, relative to
/// /proc/self/fd.
class NumberedDirectories {
  public:
    explicit NumberedDirectories(const PageOverlay& overlay) {
        for (const std::string& path : overlay.lower_dirs) {
            options_ += fmt::format("{}{}", options_.empty() ? "lowerdir=" : ":", add(path));
        }
        if (!overlay.upper.empty()) {
            options_ += fmt::format(",upperdir={}", add(overlay.upper));
            options_ += fmt::format(",workdir={}", add(overlay.work));
            options_ += overlay.is_volatile ? ",volatile" : "";
        }
        if (options_.size() > kMountOptionsMax) {
            throw Error(ErrorKind::unsupported,
                        "mount the overlay: {} layers need Linux 6.13 or newer",
                        overlay.lower_dirs.size());
        }
    }

    const char* options() const noexcept { return options_.c_str(); }

    /// Opens them all again under the same numbers: a mount is made of mounts of one namespace.
    int reopen() const noexcept {
        for (size_t i = 0; i < fds_.size(); ++i) {
            const int fd = raw::open(paths_[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0) {
                return fd;
            }
            const int result = raw::dup3(fd, fds_[i].get(), O_CLOEXEC);
            raw::close(fd);
            if (result < 0) {
                return result;
            }
        }
        return 0;
    }

  private:
    int add(const std::string& path) {
        paths_.push_back(path.c_str());
        fds_.push_back(sys::open(path, O_PATH | O_DIRECTORY));
        return fds_.back().get();
    }

    std::string options_;
    std::vector<const char*> paths_;  ///< borrowed from the PageOverlay
    std::vector<sys::UniqueFd> fds_;
};

/// System calls only: the memory is a copy of a process that may have been doing anything.
/// @return the detached mount's descriptor, or -errno
int mount_in_own_namespace(const NumberedDirectories& directories, unsigned long flags) noexcept {
    int result = raw::unshare(CLONE_NEWNS);
    if (result == 0) {
        result = raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    }
    if (result == 0) {
        result = directories.reopen();
    }
    if (result == 0) {
        result = raw::chdir("/proc/self/fd");
    }
    if (result == 0) {
        result = raw::mount("overlay", kMountPoint, "overlay", flags, directories.options());
    }
    if (result < 0) {
        return result;
    }
    return raw::open_tree(AT_FDCWD, kMountPoint, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

}  // namespace

sys::UniqueFd mount_page_overlay(const PageOverlay& overlay) {
    const NumberedDirectories directories(overlay);
    const unsigned long flags = overlay.read_only ? MS_RDONLY : 0;
    const sys::Pipe answer = sys::pipe2(O_NONBLOCK);
    // The table of descriptors is shared: what the process opens stays when it has ended.
    int pidfd = -1;
    const long pid = raw::clone(CLONE_FILES | CLONE_PIDFD | SIGCHLD, &pidfd);
    if (pid == 0) {
        const int result = mount_in_own_namespace(directories, flags);
        (void)raw::write(answer.write.get(), &result, sizeof result);
        raw::exit(0);
    }
    if (pid < 0) {
        throw SysError(static_cast<int>(-pid), "mount the overlay: start a process for it");
    }
    const sys::UniqueFd process(pidfd);
    siginfo_t ended{};
    while (raw::waitid(P_PIDFD, pidfd, &ended, WEXITED) == -EINTR) {
    }
    int result = -ECHILD;
    if (raw::read(answer.read.get(), &result, sizeof result) != sizeof result) {
        result = -ECHILD;
    }
    if (result < 0) {
        throw SysError(-result, "mount the overlay of {} layers", overlay.lower_dirs.size());
    }
    return sys::UniqueFd(result);
}

}  // namespace nau::runtime
