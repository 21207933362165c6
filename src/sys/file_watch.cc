#include "sys/file_watch.h"

#include <array>
#include <cerrno>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"

namespace nau::sys {

FileWatch::FileWatch() : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    is_clock_ = !fd_;  // EMFILE: fs.inotify.max_user_instances
}

void FileWatch::add_directory(const std::string& path) {
    constexpr uint32_t kChanges = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_DELETE_SELF |
                                  IN_MOVE_SELF | IN_ONLYDIR;
    if (!fd_ || ::inotify_add_watch(fd_.get(), path.c_str(), kChanges) >= 0) {
        return;
    }
    if (errno != ENOENT && errno != ENOSPC && errno != ENOMEM) {
        throw SysError(errno, "watch {}", path);
    }
    is_clock_ = true;
}

std::chrono::milliseconds FileWatch::patience() const noexcept {
    return std::chrono::milliseconds(is_clock_ ? 200 : -1);
}

void FileWatch::clear() noexcept {
    std::array<char, 4096> events;
    while (fd_ && ::read(fd_.get(), events.data(), events.size()) > 0) {
    }
}

}  // namespace nau::sys
