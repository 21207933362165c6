#pragma once

// System calls for the time between clone and exec: inline, noexcept, the result or -errno, and
// nothing of the C library behind them: no errno (which a CLONE_VM child would share with its
// parent), no cancellation points, no set-uid broadcast to other threads, no locks, no allocation.
// Arguments are what the kernel takes. Also for hot loops where failures are expected and an
// exception would be too dear.
//
// Structures that the C library does not have, or has in headers that quarrel with the kernel's,
// are declared here.

#include <asm/unistd.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

namespace nau::sys::raw {

// --- structures

struct OpenHow {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

constexpr uint64_t kResolveNoXdev = 0x01;
constexpr uint64_t kResolveNoMagiclinks = 0x02;
constexpr uint64_t kResolveNoSymlinks = 0x04;
constexpr uint64_t kResolveBeneath = 0x08;
constexpr uint64_t kResolveInRoot = 0x10;

struct CloneArgs {
    uint64_t flags;
    uint64_t pidfd;
    uint64_t child_tid;
    uint64_t parent_tid;
    uint64_t exit_signal;
    uint64_t stack;
    uint64_t stack_size;
    uint64_t tls;
    uint64_t set_tid;
    uint64_t set_tid_size;
    uint64_t cgroup;  // with kCloneIntoCgroup, Linux ≥ 5.7
};

constexpr uint64_t kCloneIntoCgroup = 0x200000000;
constexpr uint64_t kCloneNewTime = 0x80;

struct MountAttr {
    uint64_t attr_set;
    uint64_t attr_clr;
    uint64_t propagation;
    uint64_t userns_fd;
};

struct SchedAttr {
    uint32_t size;
    uint32_t sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime;
    uint64_t sched_deadline;
    uint64_t sched_period;
    uint32_t sched_util_min;
    uint32_t sched_util_max;
};

/// Younger than the kernel headers of Debian 12: Linux ≥ 6.6, the same on all architectures.
constexpr long kFchmodat2 = 452;

constexpr unsigned kCloseRangeUnshare = 1U << 1;
constexpr unsigned kCloseRangeCloexec = 1U << 2;

// --- the instruction

#if defined(__x86_64__)

inline long call(
    long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) noexcept {
    long result = number;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory", "cc");
    return result;
}

#elif defined(__aarch64__)

inline long call(
    long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) noexcept {
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory", "cc");
    return x0;
}

#else
#error "sys/raw.h knows the system call convention of x86_64 and aarch64 only"
#endif

inline long arg(const void* pointer) noexcept {
    return reinterpret_cast<long>(pointer);
}
inline long arg(uint64_t value) noexcept {
    return static_cast<long>(value);
}

// --- descriptors

inline int open(const char* path, int flags, mode_t mode = 0) noexcept {
    return static_cast<int>(call(__NR_openat, AT_FDCWD, arg(path), flags, mode));
}
inline int openat(int dir_fd, const char* path, int flags, mode_t mode = 0) noexcept {
    return static_cast<int>(call(__NR_openat, dir_fd, arg(path), flags, mode));
}
inline int openat2(int dir_fd, const char* path, const OpenHow& how) noexcept {
    return static_cast<int>(call(__NR_openat2, dir_fd, arg(path), arg(&how), sizeof how));
}
inline int close(int fd) noexcept {
    return static_cast<int>(call(__NR_close, fd));
}
inline int close_range(unsigned first, unsigned last, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_close_range, first, last, flags));
}
/// EINVAL when `from` equals `to`.
inline int dup3(int from, int to, int flags) noexcept {
    return static_cast<int>(call(__NR_dup3, from, to, flags));
}
inline int fcntl(int fd, int command, long argument = 0) noexcept {
    return static_cast<int>(call(__NR_fcntl, fd, command, argument));
}
inline long read(int fd, void* buffer, size_t size) noexcept {
    return call(__NR_read, fd, arg(buffer), arg(size));
}
inline long write(int fd, const void* bytes, size_t size) noexcept {
    return call(__NR_write, fd, arg(bytes), arg(size));
}
inline long pread(int fd, void* buffer, size_t size, int64_t offset) noexcept {
    return call(__NR_pread64, fd, arg(buffer), arg(size), offset);
}
inline long pwrite(int fd, const void* bytes, size_t size, int64_t offset) noexcept {
    return call(__NR_pwrite64, fd, arg(bytes), arg(size), offset);
}
inline long lseek(int fd, int64_t offset, int whence) noexcept {
    return call(__NR_lseek, fd, offset, whence);
}
inline int ioctl(int fd, unsigned long request, long argument = 0) noexcept {
    return static_cast<int>(call(__NR_ioctl, fd, arg(request), argument));
}
inline int ioctl(int fd, unsigned long request, void* argument) noexcept {
    return ioctl(fd, request, arg(argument));
}
inline int pipe2(int (&fds)[2], int flags) noexcept {
    return static_cast<int>(call(__NR_pipe2, arg(fds), flags));
}
inline int ftruncate(int fd, int64_t size) noexcept {
    return static_cast<int>(call(__NR_ftruncate, fd, size));
}
inline int fallocate(int fd, int mode, int64_t offset, int64_t length) noexcept {
    return static_cast<int>(call(__NR_fallocate, fd, mode, offset, length));
}
inline long getdents64(int fd, void* buffer, size_t size) noexcept {
    return call(__NR_getdents64, fd, arg(buffer), arg(size));
}
inline int memfd_create(const char* name, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_memfd_create, arg(name), flags));
}
inline int socket(int family, int type, int protocol = 0) noexcept {
    return static_cast<int>(call(__NR_socket, family, type, protocol));
}
inline long sendmsg(int fd, const void* message, int flags) noexcept {
    return call(__NR_sendmsg, fd, arg(message), flags);
}
inline long recvmsg(int fd, void* message, int flags) noexcept {
    return call(__NR_recvmsg, fd, arg(message), flags);
}
inline int ppoll(pollfd* fds, unsigned count, const timespec* timeout) noexcept {
    return static_cast<int>(
        call(__NR_ppoll, arg(fds), count, arg(timeout), 0, sizeof(unsigned long)));
}

// --- names and metadata

inline int mkdirat(int dir_fd, const char* path, mode_t mode) noexcept {
    return static_cast<int>(call(__NR_mkdirat, dir_fd, arg(path), mode));
}
/// `device` as makedev() of <sys/sysmacros.h> makes it; the kernel wants its own 32-bit form.
inline int mknodat(int dir_fd, const char* path, mode_t mode, dev_t device) noexcept {
    const uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & ~uint64_t{0xfff});
    const uint64_t minor = (device & 0xff) | (device >> 12 & ~uint64_t{0xff});
    const uint64_t kernel_device = (minor & 0xff) | major << 8 | (minor & ~uint64_t{0xff}) << 12;
    return static_cast<int>(
        call(__NR_mknodat, dir_fd, arg(path), mode, static_cast<long>(kernel_device & 0xffffffff)));
}
inline int symlinkat(const char* target, int dir_fd, const char* path) noexcept {
    return static_cast<int>(call(__NR_symlinkat, arg(target), dir_fd, arg(path)));
}
inline int linkat(
    int from_dir, const char* from, int to_dir, const char* to, int flags = 0) noexcept {
    return static_cast<int>(call(__NR_linkat, from_dir, arg(from), to_dir, arg(to), flags));
}
inline int unlinkat(int dir_fd, const char* path, int flags = 0) noexcept {
    return static_cast<int>(call(__NR_unlinkat, dir_fd, arg(path), flags));
}
inline int renameat2(
    int from_dir, const char* from, int to_dir, const char* to, unsigned flags = 0) noexcept {
    return static_cast<int>(call(__NR_renameat2, from_dir, arg(from), to_dir, arg(to), flags));
}
inline long readlinkat(int dir_fd, const char* path, char* buffer, size_t size) noexcept {
    return call(__NR_readlinkat, dir_fd, arg(path), arg(buffer), arg(size));
}
inline int fchmod(int fd, mode_t mode) noexcept {
    return static_cast<int>(call(__NR_fchmod, fd, mode));
}
/// Follows a link at the end: the old call has no flags.
inline int fchmodat(int dir_fd, const char* path, mode_t mode) noexcept {
    return static_cast<int>(call(__NR_fchmodat, dir_fd, arg(path), mode));
}
inline int fchmodat2(int dir_fd, const char* path, mode_t mode, int flags) noexcept {
    return static_cast<int>(call(kFchmodat2, dir_fd, arg(path), mode, flags));
}
inline int fchown(int fd, uid_t uid, gid_t gid) noexcept {
    return static_cast<int>(call(__NR_fchown, fd, uid, gid));
}
inline int fchownat(int dir_fd, const char* path, uid_t uid, gid_t gid, int flags) noexcept {
    return static_cast<int>(call(__NR_fchownat, dir_fd, arg(path), uid, gid, flags));
}
/// `path` may be null for the descriptor itself.
inline int utimensat(int dir_fd, const char* path, const timespec (&times)[2], int flags) noexcept {
    return static_cast<int>(call(__NR_utimensat, dir_fd, arg(path), arg(times), flags));
}
inline int fstat(int fd, struct ::stat* result) noexcept {
    return static_cast<int>(call(__NR_fstat, fd, arg(result)));
}
inline int fstatat(int dir_fd, const char* path, struct ::stat* result, int flags) noexcept {
    return static_cast<int>(call(__NR_newfstatat, dir_fd, arg(path), arg(result), flags));
}
inline int fstatfs(int fd, struct ::statfs* result) noexcept {
    return static_cast<int>(call(__NR_fstatfs, fd, arg(result)));
}
inline int statx(
    int dir_fd, const char* path, int flags, unsigned mask, struct ::statx* result) noexcept {
    return static_cast<int>(call(__NR_statx, dir_fd, arg(path), flags, mask, arg(result)));
}
inline int faccessat(int dir_fd, const char* path, int mode) noexcept {
    return static_cast<int>(call(__NR_faccessat, dir_fd, arg(path), mode));
}
inline int fsetxattr(
    int fd, const char* name, const void* value, size_t size, int flags = 0) noexcept {
    return static_cast<int>(call(__NR_fsetxattr, fd, arg(name), arg(value), arg(size), flags));
}
inline int lsetxattr(
    const char* path, const char* name, const void* value, size_t size, int flags = 0) noexcept {
    return static_cast<int>(
        call(__NR_lsetxattr, arg(path), arg(name), arg(value), arg(size), flags));
}
inline int fremovexattr(int fd, const char* name) noexcept {
    return static_cast<int>(call(__NR_fremovexattr, fd, arg(name)));
}
inline mode_t umask(mode_t mask) noexcept {
    return static_cast<mode_t>(call(__NR_umask, mask));
}
inline int chdir(const char* path) noexcept {
    return static_cast<int>(call(__NR_chdir, arg(path)));
}
inline int fchdir(int fd) noexcept {
    return static_cast<int>(call(__NR_fchdir, fd));
}
/// The length with the final NUL.
inline long getcwd(char* buffer, size_t size) noexcept {
    return call(__NR_getcwd, arg(buffer), arg(size));
}

// --- mounts

inline int mount(const char* source,
                 const char* target,
                 const char* type,
                 unsigned long flags,
                 const void* data = nullptr) noexcept {
    return static_cast<int>(
        call(__NR_mount, arg(source), arg(target), arg(type), arg(flags), arg(data)));
}
inline int umount2(const char* target, int flags) noexcept {
    return static_cast<int>(call(__NR_umount2, arg(target), flags));
}
inline int pivot_root(const char* new_root, const char* put_old) noexcept {
    return static_cast<int>(call(__NR_pivot_root, arg(new_root), arg(put_old)));
}
inline int chroot(const char* path) noexcept {
    return static_cast<int>(call(__NR_chroot, arg(path)));
}
inline int fsopen(const char* type, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_fsopen, arg(type), flags));
}
inline int fsconfig(
    int fs_fd, unsigned command, const char* key, const void* value, int aux = 0) noexcept {
    return static_cast<int>(call(__NR_fsconfig, fs_fd, command, arg(key), arg(value), aux));
}
inline int fsmount(int fs_fd, unsigned flags, unsigned attributes) noexcept {
    return static_cast<int>(call(__NR_fsmount, fs_fd, flags, attributes));
}
inline int fspick(int dir_fd, const char* path, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_fspick, dir_fd, arg(path), flags));
}
inline int open_tree(int dir_fd, const char* path, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_open_tree, dir_fd, arg(path), flags));
}
inline int move_mount(
    int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept {
    return static_cast<int>(call(__NR_move_mount, from_dir, arg(from), to_dir, arg(to), flags));
}
inline int mount_setattr(int dir_fd,
                         const char* path,
                         unsigned flags,
                         const MountAttr& attributes) noexcept {
    return static_cast<int>(
        call(__NR_mount_setattr, dir_fd, arg(path), flags, arg(&attributes), sizeof attributes));
}

// --- namespaces and processes

inline int unshare(int flags) noexcept {
    return static_cast<int>(call(__NR_unshare, flags));
}
inline int setns(int fd, int flags) noexcept {
    return static_cast<int>(call(__NR_setns, fd, flags));
}
/// Without CLONE_VM and without a stack it returns twice, as fork does. The child has the C
/// library's cached thread id and locks of its parent: it may only use this header.
inline long clone3(const CloneArgs& args) noexcept {
    return call(__NR_clone3, arg(&args), sizeof args);
}
/// As fork: shares nothing. For where clone3 is refused by a filter, which cannot look at its
/// flags. With CLONE_PIDFD a descriptor is stored in `pidfd`.
inline long clone(unsigned long flags, int* pidfd) noexcept {
    return call(__NR_clone, arg(flags), 0, arg(pidfd), 0, 0);
}
inline int execve(const char* path, char* const* argv, char* const* env) noexcept {
    return static_cast<int>(call(__NR_execve, arg(path), arg(argv), arg(env)));
}
inline int execveat(
    int dir_fd, const char* path, char* const* argv, char* const* env, int flags) noexcept {
    return static_cast<int>(call(__NR_execveat, dir_fd, arg(path), arg(argv), arg(env), flags));
}
[[noreturn]] inline void exit(int status) noexcept {
    for (;;) {
        (void)call(__NR_exit_group, status);
    }
}
inline int kill(pid_t pid, int signal) noexcept {
    return static_cast<int>(call(__NR_kill, pid, signal));
}
inline int pidfd_send_signal(int pidfd, int signal) noexcept {
    return static_cast<int>(call(__NR_pidfd_send_signal, pidfd, signal, 0, 0));
}
inline int pidfd_open(pid_t pid, unsigned flags = 0) noexcept {
    return static_cast<int>(call(__NR_pidfd_open, pid, flags));
}
inline int waitid(int id_type, int id, siginfo_t* info, int options) noexcept {
    return static_cast<int>(call(__NR_waitid, id_type, id, arg(info), options, 0));
}
inline pid_t getpid() noexcept {
    return static_cast<pid_t>(call(__NR_getpid));
}
inline pid_t getppid() noexcept {
    return static_cast<pid_t>(call(__NR_getppid));
}
inline pid_t gettid() noexcept {
    return static_cast<pid_t>(call(__NR_gettid));
}
inline pid_t setsid() noexcept {
    return static_cast<pid_t>(call(__NR_setsid));
}
inline int setpgid(pid_t pid, pid_t group) noexcept {
    return static_cast<int>(call(__NR_setpgid, pid, group));
}

// --- signals

/// The kernel's sigaction: its mask is one word, and x86_64 needs a restorer for handlers, which
/// this type is not meant for: SIG_DFL and SIG_IGN only.
struct KernelSigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
};
/// `handler` is SIG_DFL or SIG_IGN.
inline int set_disposition(int signal, void (*handler)(int)) noexcept {
    const KernelSigaction action = {handler, 0, nullptr, 0};
    return static_cast<int>(call(__NR_rt_sigaction, signal, arg(&action), 0, sizeof(uint64_t)));
}
/// The whole mask of the calling thread; bit n-1 is signal n.
inline int set_signal_mask(uint64_t mask) noexcept {
    return static_cast<int>(
        call(__NR_rt_sigprocmask, SIG_SETMASK, arg(&mask), 0, sizeof(uint64_t)));
}

/// Takes a pending signal of `mask`, which should be blocked; waits for one if `timeout` is null.
inline int rt_sigtimedwait(uint64_t mask, siginfo_t* info, const timespec* timeout) noexcept {
    return static_cast<int>(
        call(__NR_rt_sigtimedwait, arg(&mask), arg(info), arg(timeout), sizeof(uint64_t)));
}

// --- identity and privileges, of the calling thread only

inline int setresuid(uid_t real, uid_t effective, uid_t saved) noexcept {
    return static_cast<int>(call(__NR_setresuid, real, effective, saved));
}
inline int setresgid(gid_t real, gid_t effective, gid_t saved) noexcept {
    return static_cast<int>(call(__NR_setresgid, real, effective, saved));
}
inline int setgroups(size_t count, const gid_t* groups) noexcept {
    return static_cast<int>(call(__NR_setgroups, arg(count), arg(groups)));
}
inline int capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) noexcept {
    const __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const auto low = [](uint64_t mask) { return static_cast<uint32_t>(mask); };
    const auto high = [](uint64_t mask) { return static_cast<uint32_t>(mask >> 32); };
    const __user_cap_data_struct data[2] = {{low(effective), low(permitted), low(inheritable)},
                                            {high(effective), high(permitted), high(inheritable)}};
    return static_cast<int>(call(__NR_capset, arg(&header), arg(data)));
}
inline int prctl(int option, long a = 0, long b = 0, long c = 0, long d = 0) noexcept {
    return static_cast<int>(call(__NR_prctl, option, a, b, c, d));
}
inline int seccomp(unsigned operation, unsigned flags, const void* argument) noexcept {
    return static_cast<int>(call(__NR_seccomp, operation, flags, arg(argument)));
}
/// `attributes` is a union bpf_attr.
inline int bpf(int command, void* attributes, size_t size) noexcept {
    return static_cast<int>(call(__NR_bpf, command, arg(attributes), arg(size)));
}
inline int keyctl(int operation, long a = 0, long b = 0, long c = 0, long d = 0) noexcept {
    return static_cast<int>(call(__NR_keyctl, operation, a, b, c, d));
}

// --- limits, scheduling, names

inline int prlimit(pid_t pid, int resource, const rlimit* value, rlimit* old = nullptr) noexcept {
    return static_cast<int>(call(__NR_prlimit64, pid, resource, arg(value), arg(old)));
}
inline int setrlimit(int resource, const rlimit& value) noexcept {
    return prlimit(0, resource, &value);
}
inline int sched_setattr(pid_t pid, const SchedAttr& attributes, unsigned flags = 0) noexcept {
    return static_cast<int>(call(__NR_sched_setattr, pid, arg(&attributes), flags));
}
inline int sched_setaffinity(pid_t pid, size_t size, const unsigned long* mask) noexcept {
    return static_cast<int>(call(__NR_sched_setaffinity, pid, arg(size), arg(mask)));
}
inline int ioprio_set(int which, int who, int priority) noexcept {
    return static_cast<int>(call(__NR_ioprio_set, which, who, priority));
}
inline int set_mempolicy(int mode, const unsigned long* nodes, unsigned long max_node) noexcept {
    return static_cast<int>(call(__NR_set_mempolicy, mode, arg(nodes), arg(max_node)));
}
inline int personality(unsigned long persona) noexcept {
    return static_cast<int>(call(__NR_personality, arg(persona)));
}
inline int sethostname(const char* name, size_t length) noexcept {
    return static_cast<int>(call(__NR_sethostname, arg(name), arg(length)));
}
inline int setdomainname(const char* name, size_t length) noexcept {
    return static_cast<int>(call(__NR_setdomainname, arg(name), arg(length)));
}
inline int nanosleep(const timespec& duration) noexcept {
    return static_cast<int>(call(__NR_nanosleep, arg(&duration), 0));
}

}  // namespace nau::sys::raw
