#include "runtime/child/procfs.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>

#include "runtime/child/mount_calls.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

void set_names(Context& c, const InitPlan& plan) noexcept {
    at(c, Step::hostname);
    if (!plan.hostname.empty()) {
        check(c, raw::sethostname(plan.hostname.data(), plan.hostname.size()));
    }
    at(c, Step::hostname, 1);
    if (!plan.domainname.empty()) {
        check(c, raw::setdomainname(plan.domainname.data(), plan.domainname.size()));
    }
}

void ensure_procfs(Context& c, const InitPlan& plan) noexcept {
    if (c.proc == kNone && plan.needs_private_procfs) {
        at(c, Step::mount);
        c.object = UINT32_MAX;
        c.proc = make_filesystem(
            c, "proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }
}

/// Opens a file of the procfs that we have mounted ourselves; what may have been mounted over parts
/// of it is not entered.
int open_in_procfs(const Context& c, const char* path) noexcept {
    const raw::OpenHow how = {
        .flags = O_WRONLY | O_CLOEXEC,
        .mode = 0,
        .resolve = raw::kResolveBeneath | raw::kResolveNoMagiclinks | raw::kResolveNoXdev,
    };
    return raw::openat2(c.proc, path, how);
}

int write_fd(int fd, const char* bytes, size_t size) noexcept {
    const long result = raw::write(fd, bytes, size);
    raw::close(fd);
    return result < 0 ? static_cast<int>(result) : 0;
}

void write_sysctls(Context& c, const InitPlan& plan) noexcept {
    for (size_t i = 0; i < plan.sysctls.size(); ++i) {
        at(c, Step::sysctl, i);
        const SysctlWrite& sysctl = plan.sysctls[i];
        const int fd = check(c, open_in_procfs(c, sysctl.path.c_str()));
        check(c, write_fd(fd, sysctl.value.data(), sysctl.value.size()));
    }
}

/// `fd` is an open oom_score_adj of this process, or -errno.
void set_oom_score(Context& c, int fd) noexcept {
    at(c, Step::oom_score_adj);
    char text[8];
    int value = *c.process.oom_score_adj;
    char* end = text + sizeof text;
    char* begin = end;
    const bool is_negative = value < 0;
    value = is_negative ? -value : value;
    do {
        *--begin = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (is_negative) {
        *--begin = '-';
    }
    const int result = write_fd(check(c, fd), begin, static_cast<size_t>(end - begin));
    // Below what the caller itself has, it takes CAP_SYS_RESOURCE.
    if (result == -EACCES || result == -EPERM) {
        report(c, SyncKind::warning, -result, "");
        return;
    }
    check(c, result);
}

void set_label(Context& c, int fd, const char* label) noexcept {
    check(c, write_fd(check(c, fd), label, length_of(label)));
}

}  // namespace nau::runtime::child
