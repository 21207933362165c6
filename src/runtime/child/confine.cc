#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>

#include "runtime/child/context.h"
#include "runtime/child/paths.h"
#include "runtime/child/stages.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

constexpr uint64_t kAdministrator = uint64_t{1} << CAP_SYS_ADMIN;

/// Puts the descriptors in their places, from copies beyond all of them, so that none is
/// overwritten before it is used, and closes everything else.
void arrange_descriptors(Context& c) noexcept {
    at(c, Step::stdio);
    const int first_free = 3 + static_cast<int>(c.in.preserved_count);
    const auto move_up = [&](int& fd) noexcept {
        if (fd != kNone) {
            fd = check(c, raw::fcntl(fd, F_DUPFD_CLOEXEC, first_free));
        }
    };
    int sync = c.sync;
    move_up(sync);
    c.sync = sync;
    move_up(c.start_fifo);
    move_up(c.start_hook_state);
    move_up(c.hook_output);
    for (int& fd : c.stdio) {
        move_up(fd);
    }
    // Sources below first_free are saved first; the others are safe where they are.
    int saved[3 + 64];
    const size_t count = c.in.preserved_count;
    if (count > sizeof saved / sizeof saved[0]) {
        die(c, EMFILE, "too many descriptors to preserve");
    }
    for (size_t i = 0; i < count; ++i) {
        saved[i] = c.in.preserved[i];
        move_up(saved[i]);
    }
    for (int i = 0; i < 3; ++i) {
        check(c, raw::dup3(c.stdio[i], i, 0));
    }
    for (size_t i = 0; i < count; ++i) {
        at(c, Step::stdio, 3 + i);
        check(c, raw::dup3(saved[i], 3 + static_cast<int>(i), 0));
    }
    at(c, Step::close_fds);
    const int kept[] = {c.sync, c.start_fifo, c.start_hook_state, c.hook_output};
    int from = first_free;
    for (;;) {
        // The lowest that is kept, and everything below it goes.
        int next = INT_MAX;
        for (const int fd : kept) {
            next = fd >= from && fd < next ? fd : next;
        }
        if (next == INT_MAX) {
            break;
        }
        if (next > from) {
            check(
                c,
                raw::close_range(static_cast<unsigned>(from), static_cast<unsigned>(next - 1), 0));
        }
        from = next + 1;
    }
    check(c, raw::close_range(static_cast<unsigned>(from), ~0U, 0));
    c.proc = c.dev = c.devpts = c.console = kNone;
}

void reset_signals(Context& c) noexcept {
    at(c, Step::signals);
    constexpr int kLastSignal = 64;
    for (int signal = 1; signal <= kLastSignal; ++signal) {
        // Handlers do not survive exec, but "ignored" does. KILL, STOP and the C library's two
        // refuse or do not matter.
        (void)raw::set_disposition(signal, SIG_DFL);
    }
}

void load_seccomp(Context& c) noexcept {
    if (!c.process.seccomp) {
        return;
    }
    at(c, Step::seccomp);
    static_assert(sizeof(sock_filter) == sizeof(uint64_t));
    const SeccompFilter& filter = *c.process.seccomp;
    const sock_fprog program = {
        static_cast<unsigned short>(filter.program.size()),
        reinterpret_cast<sock_filter*>(const_cast<uint64_t*>(filter.program.data())),
    };
    const int listener = check(c, raw::seccomp(SECCOMP_SET_MODE_FILTER, filter.flags, &program));
    if (filter.has_notify) {
        SyncMessage message;
        message.kind = SyncKind::listener;
        send(c, message, listener);
        raw::close(listener);
    }
}

void drop_bounding_set(Context& c, const CapabilityMasks& masks) noexcept {
    at(c, Step::capabilities);
    for (unsigned i = 0; i <= c.process.last_capability && i < 64; ++i) {
        if ((masks.bounding >> i & 1) == 0) {
            c.object = i;
            check(c, raw::prctl(PR_CAPBSET_DROP, static_cast<long>(i)));
        }
    }
}

void change_user(Context& c) noexcept {
    at(c, Step::groups);
    const int result = raw::setgroups(c.process.groups.size(), c.process.groups.data());
    // In a user namespace where setgroups is denied there are none to drop.
    if (!(result == -EPERM && c.process.groups.empty())) {
        check(c, result);
    }
    at(c, Step::user);
    check(c, raw::prctl(PR_SET_KEEPCAPS, 1));
    check(c, raw::setresgid(c.process.gid, c.process.gid, c.process.gid));
    check(c, raw::setresuid(c.process.uid, c.process.uid, c.process.uid));
    check(c, raw::prctl(PR_SET_KEEPCAPS, 0));
    // Both are reset by a change of ids.
    check(c, raw::prctl(PR_SET_DUMPABLE, 0));
    die_with_parent(c);
}

void set_capabilities(Context& c, const CapabilityMasks& masks) noexcept {
    at(c, Step::capabilities);
    check(c, raw::capset(masks.effective, masks.permitted, masks.inheritable));
    // Not there before Linux 4.3, and then empty.
    (void)raw::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
    for (unsigned i = 0; i <= c.process.last_capability && i < 64; ++i) {
        if ((masks.ambient >> i & 1) != 0) {
            c.object = i;
            check(c, raw::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<long>(i)));
        }
    }
}

/// 0, or -errno. Magic links are not followed, so that /proc/self/fd/N leads nowhere
/// (CVE-2024-21626), and where we are is verified afterwards.
int change_directory(const char* path) noexcept {
    const int fd = open_in_root(path, O_PATH | O_DIRECTORY);
    if (fd < 0) {
        return fd;
    }
    const int result = raw::fchdir(fd);
    raw::close(fd);
    if (result < 0) {
        return result;
    }
    char where[PATH_MAX];
    const long length = raw::getcwd(where, sizeof where);
    // A directory that is not below the root is called "(unreachable)/…".
    if (length < 0) {
        return static_cast<int>(length);
    }
    return where[0] == '/' ? 0 : -ENOENT;
}

}  // namespace

/// Everything of steps 4 and 5 that an init process and an exec session have in common.
void confine(Context& c) noexcept {
    const CapabilityMasks masks = c.process.capabilities.value_or(CapabilityMasks{});
    arrange_descriptors(c);
    reset_signals(c);
    if (c.process.umask) {
        (void)raw::umask(*c.process.umask);
    }
    // As root first: a home directory may be closed to the group that is about to be taken, and yet
    // be where the process is told to begin.
    at(c, Step::working_directory);
    const int early = change_directory(c.process.cwd.c_str());
    if (early != -EACCES) {
        check(c, early);
    }
    drop_bounding_set(c, masks);
    change_user(c);
    if (!c.process.no_new_privileges && c.process.seccomp) {
        // Needs CAP_SYS_ADMIN, which a change of the user leaves among the permitted ones.
        at(c, Step::capabilities);
        check(c, raw::capset(kAdministrator, kAdministrator | masks.permitted, masks.inheritable));
        load_seccomp(c);
    }
    set_capabilities(c, masks);
    if (early == -EACCES) {
        // A root that another machine's file server does not believe in.
        at(c, Step::working_directory);
        check(c, change_directory(c.process.cwd.c_str()));
    }
    if (c.process.no_new_privileges) {
        at(c, Step::no_new_privileges);
        check(c, raw::prctl(PR_SET_NO_NEW_PRIVS, 1));
        if (!c.filters_last) {
            load_seccomp(c);
        }
    }
}

void load_filter_last(Context& c) noexcept {
    if (c.filters_last) {
        load_seccomp(c);
    }
}

}  // namespace nau::runtime::child
