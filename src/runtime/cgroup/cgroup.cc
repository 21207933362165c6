#include "runtime/cgroup/cgroup.h"

#include <cerrno>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "runtime/cgroup/managers.h"
#include "sys/raw.h"

namespace nau::runtime::cgroup {

namespace raw = sys::raw;

void CgroupManager::signal_all(int signal) const {
    for (const pid_t pid : processes()) {
        const int pidfd = raw::pidfd_open(pid);
        if (pidfd >= 0) {
            (void)raw::pidfd_send_signal(pidfd, signal);
            raw::close(pidfd);
        }
    }
}

void OomWatch::acknowledge() const noexcept {
    char buffer[4096];
    // An eventfd is not seekable, a file of cgroupfs must be read from its beginning.
    (void)raw::lseek(fd.get(), 0, SEEK_SET);
    (void)raw::read(fd.get(), buffer, sizeof buffer);
}

std::unique_ptr<CgroupManager> open_cgroup(const Layout& layout, std::string_view path) {
    if (path.size() < 2 || path.front() != '/' || path.back() == '/') {
        throw Error(ErrorKind::invalid, "'{}' is no path of a control group", path);
    }
    for (const std::string_view part : split(path.substr(1), '/')) {
        if (part.empty() || part == "." || part == "..") {
            throw Error(ErrorKind::invalid, "'{}' is no path of a control group", path);
        }
    }
    switch (layout.mode) {
        case Mode::v1:
        case Mode::hybrid:
            return make_v1_manager(layout, std::string(path));
        case Mode::v2:
            return make_v2_manager(layout, std::string(path));
        case Mode::none:
            break;
    }
    throw Error(ErrorKind::unsupported, "no cgroup file system is mounted on this machine")
        .with_hint("mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

}  // namespace nau::runtime::cgroup
