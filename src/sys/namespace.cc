#include "sys/namespace.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::sys {

int clone_flag(NamespaceKind kind) noexcept {
    switch (kind) {
        case NamespaceKind::mount:
            return CLONE_NEWNS;
        case NamespaceKind::uts:
            return CLONE_NEWUTS;
        case NamespaceKind::ipc:
            return CLONE_NEWIPC;
        case NamespaceKind::network:
            return CLONE_NEWNET;
        case NamespaceKind::pid:
            return CLONE_NEWPID;
        case NamespaceKind::user:
            return CLONE_NEWUSER;
        case NamespaceKind::cgroup:
            return CLONE_NEWCGROUP;
        case NamespaceKind::time:
            return static_cast<int>(raw::kCloneNewTime);
    }
    return 0;
}

const char* proc_name(NamespaceKind kind) noexcept {
    switch (kind) {
        case NamespaceKind::mount:
            return "mnt";
        case NamespaceKind::uts:
            return "uts";
        case NamespaceKind::ipc:
            return "ipc";
        case NamespaceKind::network:
            return "net";
        case NamespaceKind::pid:
            return "pid";
        case NamespaceKind::user:
            return "user";
        case NamespaceKind::cgroup:
            return "cgroup";
        case NamespaceKind::time:
            return "time";
    }
    return "";
}

void unshare(int flags) {
    const int result = raw::unshare(flags);
    if (result < 0) {
        throw SysError(-result, "unshare");
    }
}

void setns(int fd, int flags) {
    const int result = raw::setns(fd, flags);
    if (result < 0) {
        throw SysError(-result, "setns {}", describe_fd(fd));
    }
}

void verify_namespace(int fd, NamespaceKind kind) {
    if (fstatfs(fd).f_type != NSFS_MAGIC) {
        throw Error(ErrorKind::invalid, "{} is not a namespace", describe_fd(fd));
    }
    const int found = raw::ioctl(fd, NS_GET_NSTYPE);  // Linux ≥ 4.11
    if (found < 0) {
        throw SysError(-found, "kind of namespace {}", describe_fd(fd));
    }
    if (found != clone_flag(kind)) {
        throw Error(
            ErrorKind::invalid, "{} is not a {} namespace", describe_fd(fd), proc_name(kind));
    }
}

UniqueFd open_namespace(const std::string& path, NamespaceKind kind) {
    return doing([&] { return fmt::format("opening namespace {}", path); },
                 [&] {
                     // First without opening it really: the path could name a FIFO or a device.
                     const UniqueFd found = open(path, O_PATH);
                     if (fstatfs(found.get()).f_type != NSFS_MAGIC) {
                         throw Error(ErrorKind::invalid, "not a namespace");
                     }
                     UniqueFd fd = open(proc_fd_path(found.get()), O_RDONLY);
                     verify_namespace(fd.get(), kind);
                     return fd;
                 });
}

UniqueFd open_namespace_of(pid_t pid, NamespaceKind kind) {
    return open(fmt::format("/proc/{}/ns/{}", pid, proc_name(kind)), O_RDONLY);
}

UniqueFd open_own_namespace(NamespaceKind kind) {
    return open(fmt::format("/proc/thread-self/ns/{}", proc_name(kind)), O_RDONLY);
}

NamespaceId namespace_id(int fd) {
    const auto status = fstat(fd);
    return {.device = status.st_dev, .inode = status.st_ino};
}

}  // namespace nau::sys
