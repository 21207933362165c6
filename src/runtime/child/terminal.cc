#include <cerrno>
#include <fcntl.h>
#include <linux/mount.h>

#include "runtime/child/context.h"
#include "runtime/child/mount_calls.h"
#include "runtime/child/paths.h"
#include "runtime/child/stages.h"
#include "runtime/sync.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

// <asm/ioctls.h> quarrels with <sys/ioctl.h>.
#ifndef TIOCSPTLCK
#define TIOCSPTLCK 0x40045431
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef TIOCSCTTY
#define TIOCSCTTY 0x540E
#endif
#ifndef TIOCSWINSZ
#define TIOCSWINSZ 0x5414
#endif

namespace {

int open_ptmx(Context& c) noexcept {
    if (c.devpts != kNone) {
        return check(c, raw::openat(c.devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    }
    const int fd = check(
        c,
        open_in_root(
            "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, raw::kResolveNoSymlinks));
    if (!is_on(fd, kDevptsMagic) || !is_device(fd, S_IFCHR, 5, 2)) {
        die(c, EPERM, "/dev/pts/ptmx is no pty multiplexer");
    }
    (void)raw::fcntl(fd, F_SETFL, O_RDWR);
    return fd;
}

}  // namespace

/// A pty of the container's own devpts. The slave is opened through the master, never by name
/// (CVE-2025-52565), and the master goes to the parent.
void open_terminal(Context& c) noexcept {
    if (!c.process.terminal) {
        return;
    }
    at(c, Step::terminal);
    const int master = open_ptmx(c);
    int unlock = 0;
    check(c, raw::ioctl(master, TIOCSPTLCK, &unlock));
    c.console = check(c, raw::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    check(c, raw::fchown(c.console, c.process.uid, static_cast<gid_t>(-1)));
    if (c.process.console_rows != 0 || c.process.console_columns != 0) {
        const uint16_t size[4] = {c.process.console_rows, c.process.console_columns, 0, 0};
        check(c, raw::ioctl(master, TIOCSWINSZ, raw::arg(size)));
    }
    SyncMessage message;
    message.kind = SyncKind::console;
    send(c, message, master);
    raw::close(master);
    for (int& fd : c.stdio) {
        fd = c.console;
    }
}

/// /dev/console is the slave, bound by descriptor.
void bind_console(Context& c, const InitPlan& plan) noexcept {
    if (!plan.console_in_dev) {
        return;
    }
    at(c, Step::terminal, 1);
    int target = kNone;
    if (c.dev != kNone) {
        const int made = raw::openat(
            c.dev, "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0620);
        if (made != -EEXIST) {
            raw::close(check(c, made));
        }
    }
    target = check(c, open_target("dev/console", false, true));
    const int tree = check(
        c, raw::open_tree(c.console, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    attach(c, tree, target);
    raw::close(tree);
    raw::close(target);
}

void take_terminal(Context& c) noexcept {
    at(c, Step::new_session);
    // EPERM: a session leader already, which only a process group leader can be.
    (void)raw::setsid();
    if (c.process.terminal) {
        at(c, Step::terminal, 2);
        check(c, raw::ioctl(0, TIOCSCTTY, 0L));
    }
}

}  // namespace nau::runtime::child
