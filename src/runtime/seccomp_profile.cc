// Which system calls a container may make. A call is here because programs need it and it acts on
// what is the container's own; what acts on the whole machine is bound to the capability that the
// kernel asks for as well, so that the filter adds nothing for a root without it and takes nothing
// from one who was given it. What is in no list is refused:
//
//   io_uring_*                      an attack surface of its own, and past every filter
//   add_key keyctl request_key      keys are not namespaced
//   userfaultfd                     makes races in the kernel winnable
//   pivot_root swapon swapoff kexec_* nfsservctl uselib ustat sysfs _sysctl vm86 move_pages …
//                                   the machine's, or obsolete

#include "runtime/seccomp_profile.h"

#include <array>
#include <cerrno>
#include <linux/capability.h>

namespace nau::runtime {

namespace {

constexpr uint64_t bit(int capability) noexcept {
    return uint64_t{1} << capability;
}

// --- what every program uses

constexpr std::array kFiles = {
    "open",
    "openat",
    "openat2",
    "creat",
    "close",
    "close_range",
    "name_to_handle_at",
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "lseek",
    "_llseek",
    "sendfile",
    "sendfile64",
    "splice",
    "tee",
    "vmsplice",
    "copy_file_range",
    "readahead",
    "fadvise64",
    "fadvise64_64",
    "arm_fadvise64_64",
    "fallocate",
    "truncate",
    "truncate64",
    "ftruncate",
    "ftruncate64",
    "sync",
    "syncfs",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "sync_file_range2",
    "arm_sync_file_range",
    "cachestat",
    "flock",
    "fcntl",
    "fcntl64",
    "ioctl",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "fstatat64",
    "newfstatat",
    "statx",
    "oldstat",
    "oldlstat",
    "oldfstat",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "statmount",
    "listmount",
    "access",
    "faccessat",
    "faccessat2",
    "getdents",
    "getdents64",
    "readdir",
    "getcwd",
    "chdir",
    "fchdir",
    "readlink",
    "readlinkat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "umask",
    "chown",
    "chown32",
    "fchown",
    "fchown32",
    "lchown",
    "lchown32",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "utimensat_time64",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "getxattrat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    "listxattr",
    "llistxattr",
    "flistxattr",
    "listxattrat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "removexattrat",
    "file_getattr",
    "file_setattr",
};

constexpr std::array kWaiting = {
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "poll",
    "ppoll",
    "ppoll_time64",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_wait",
    "epoll_wait_old",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd",
    "eventfd2",
    "signalfd",
    "signalfd4",
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    "fanotify_mark",
    "io_setup",
    "io_destroy",
    "io_submit",
    "io_cancel",
    "io_getevents",
    "io_pgetevents",
    "io_pgetevents_time64",
    "futex",
    "futex_time64",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "futex_requeue",
    "set_robust_list",
    "get_robust_list",
    "membarrier",
    "rseq",
};

constexpr std::array kMemory = {
    "brk",
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mincore",
    "msync",
    "mlock",
    "mlock2",
    "mlockall",
    "munlock",
    "munlockall",
    "mseal",
    "remap_file_pages",
    "memfd_create",
    "memfd_secret",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "map_shadow_stack",
    "process_mrelease",
    "shmget",
    "shmat",
    "shmctl",
    "shmdt",
    "semget",
    "semop",
    "semctl",
    "semtimedop",
    "semtimedop_time64",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "ipc",
    "mq_open",
    "mq_unlink",
    "mq_notify",
    "mq_getsetattr",
    "mq_timedsend",
    "mq_timedsend_time64",
    "mq_timedreceive",
    "mq_timedreceive_time64",
};

constexpr std::array kProcesses = {
    "fork",
    "vfork",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "wait4",
    "waitpid",
    "waitid",
    "getpid",
    "getppid",
    "gettid",
    "getpgid",
    "getpgrp",
    "setpgid",
    "getsid",
    "setsid",
    "set_tid_address",
    "pidfd_open",
    "pidfd_send_signal",
    "prctl",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "restart_syscall",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getattr",
    "sched_setattr",
    "sched_getparam",
    "sched_setparam",
    "sched_getscheduler",
    "sched_setscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_rr_get_interval",
    "sched_rr_get_interval_time64",
    "getpriority",
    "setpriority",
    "nice",
    "ioprio_get",
    "ioprio_set",
    "getcpu",
    "getrlimit",
    "ugetrlimit",
    "setrlimit",
    "prlimit64",
    "getrusage",
    "times",
    "sysinfo",
    "uname",
    "olduname",
    "oldolduname",
    "seccomp",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "set_thread_area",
    "get_thread_area",
    "uretprobe",
    "uprobe",
    "riscv_hwprobe",
};

constexpr std::array kSignals = {
    "kill",
    "tkill",
    "tgkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_sigreturn",
    "sigaltstack",
    "sigaction",
    "signal",
    "sigpending",
    "sigsuspend",
    "sigprocmask",
    "sigreturn",
    "pause",
    "sgetmask",
    "ssetmask",
    "alarm",
    "getitimer",
    "setitimer",
};

constexpr std::array kTime = {
    "time",
    "gettimeofday",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    // Reading is for everybody; the kernel asks for CAP_SYS_TIME when something is to be changed.
    "adjtimex",
    "clock_adjtime",
    "clock_adjtime64",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_gettime64",
    "timer_settime",
    "timer_settime64",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime64",
    "timerfd_settime",
    "timerfd_settime64",
};

constexpr std::array kIdentity = {
    "getuid",    "getuid32",    "geteuid",   "geteuid32",   "getgid",    "getgid32",
    "getegid",   "getegid32",   "getresuid", "getresuid32", "getresgid", "getresgid32",
    "getgroups", "getgroups32", "setuid",    "setuid32",    "setgid",    "setgid32",
    "setreuid",  "setreuid32",  "setregid",  "setregid32",  "setresuid", "setresuid32",
    "setresgid", "setresgid32", "setfsuid",  "setfsuid32",  "setfsgid",  "setfsgid32",
    "setgroups", "setgroups32", "capget",    "capset",      "getrandom",
};

// socket(2) itself is below. On 32-bit x86 the family that socketcall(2) is asked for lies behind a
// pointer, where no filter can look, and most C libraries there use nothing else: README.md.
constexpr std::array kSockets = {
    "socketpair", "bind",        "connect",     "listen",     "accept",
    "accept4",    "getsockname", "getpeername", "getsockopt", "setsockopt",
    "shutdown",   "send",        "sendto",      "sendmsg",    "sendmmsg",
    "recv",       "recvfrom",    "recvmsg",     "recvmmsg",   "recvmmsg_time64",
    "socketcall",
};

constexpr std::array kArchitecture = {
    "arch_prctl",
    "modify_ldt",
    "breakpoint",
    "cacheflush",
    "set_tls",
};

// --- socket(2): every family but 38 (AF_ALG, CVE-2026-31431) and 40 (AF_VSOCK, which reaches past
// the network namespace). The kernel looks at the lower half of the register only, so that each of
// these must, too: comparing all 64 bits could be passed by with a bit in the upper half. Masks
// cover runs of families. 46 and up do not exist.

constexpr std::array kSocket = {"socket"};

constexpr SeccompCondition families(uint64_t mask, uint64_t value) noexcept {
    return {0, SeccompOp::masked_equal, mask, value};
}

// --- personality(2): the plain ones, and asking

constexpr std::array kPersonality = {"personality"};

// --- clone(2) without new namespaces; clone3(2), whose flags lie in memory, not at all: C
// libraries then use clone(2).

constexpr std::array kClone = {"clone"};
constexpr std::array kClone3 = {"clone3"};
constexpr uint64_t kNewNamespaces = 0x7e020000;  // CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}

// --- what belongs to a capability

constexpr std::array kSysAdmin = {
    "mount",
    "umount",
    "umount2",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "setns",
    "unshare",
    "sethostname",
    "setdomainname",
    "bpf",
    "perf_event_open",
    "fanotify_init",
    "quotactl",
    "quotactl_fd",
    "lookup_dcookie",
    "syslog",
    "lsm_get_self_attr",
    "lsm_set_self_attr",
    "lsm_list_modules",
    "listns",
};
constexpr std::array kBpf = {"bpf"};
constexpr std::array kPerfmon = {"perf_event_open"};
constexpr std::array kDacReadSearch = {"open_by_handle_at"};
constexpr std::array kSysBoot = {"reboot"};
constexpr std::array kSysChroot = {"chroot"};
constexpr std::array kSysModule = {"init_module", "finit_module", "delete_module"};
constexpr std::array kSysPacct = {"acct"};
constexpr std::array kSysPtrace = {"kcmp", "pidfd_getfd", "process_madvise"};
constexpr std::array kSysRawio = {"iopl", "ioperm"};
constexpr std::array kSysTime = {"settimeofday", "stime", "clock_settime", "clock_settime64"};
constexpr std::array kSysTty = {"vhangup"};
constexpr std::array kSysNice = {
    "get_mempolicy", "set_mempolicy", "mbind", "set_mempolicy_home_node"};
constexpr std::array kSyslog = {"syslog"};

constexpr SeccompGroup allow(std::span<const char* const> names, uint64_t any_of = 0) noexcept {
    return {names, any_of, 0, 0, false, {}};
}

constexpr SeccompGroup allow_if(std::span<const char* const> names,
                                SeccompCondition condition,
                                uint64_t none_of = 0) noexcept {
    return {names, 0, none_of, 0, true, condition};
}

constexpr SeccompCondition persona(uint64_t value) noexcept {
    return {0, SeccompOp::equal, value, 0};
}

constexpr std::array kGroups = {
    allow(kFiles),
    allow(kWaiting),
    allow(kMemory),
    allow(kProcesses),
    allow(kSignals),
    allow(kTime),
    allow(kIdentity),
    allow(kSockets),
    allow(kArchitecture),
    allow_if(kSocket, families(0xffffffe0, 0)),   // 0 … 31
    allow_if(kSocket, families(0xfffffffc, 32)),  // 32 … 35
    allow_if(kSocket, families(0xfffffffe, 36)),  // 36, 37
    allow_if(kSocket, families(0xffffffff, 39)),
    allow_if(kSocket, families(0xffffffff, 41)),
    allow_if(kSocket, families(0xfffffffe, 42)),  // 42, 43
    allow_if(kSocket, families(0xfffffffe, 44)),  // 44, 45
    allow_if(kPersonality, persona(0x0)),         // PER_LINUX
    allow_if(kPersonality, persona(0x8)),         // PER_LINUX32
    allow_if(kPersonality, persona(0x20000)),     // UNAME26
    allow_if(kPersonality, persona(0x20008)),
    allow_if(kPersonality, persona(0xffffffff)),  // what is it?
    allow_if(kClone, {0, SeccompOp::masked_equal, kNewNamespaces, 0}, bit(CAP_SYS_ADMIN)),
    SeccompGroup{kClone3, 0, bit(CAP_SYS_ADMIN), ENOSYS, false, {}},
    allow(kClone, bit(CAP_SYS_ADMIN)),
    allow(kClone3, bit(CAP_SYS_ADMIN)),
    allow(kSysAdmin, bit(CAP_SYS_ADMIN)),
    allow(kBpf, bit(CAP_BPF)),
    allow(kPerfmon, bit(CAP_PERFMON)),
    allow(kDacReadSearch, bit(CAP_DAC_READ_SEARCH)),
    allow(kSysBoot, bit(CAP_SYS_BOOT)),
    allow(kSysChroot, bit(CAP_SYS_CHROOT)),
    allow(kSysModule, bit(CAP_SYS_MODULE)),
    allow(kSysPacct, bit(CAP_SYS_PACCT)),
    allow(kSysPtrace, bit(CAP_SYS_PTRACE)),
    allow(kSysRawio, bit(CAP_SYS_RAWIO)),
    allow(kSysTime, bit(CAP_SYS_TIME)),
    allow(kSysTty, bit(CAP_SYS_TTY_CONFIG)),
    allow(kSysNice, bit(CAP_SYS_NICE)),
    allow(kSyslog, bit(CAP_SYSLOG)),
};

}  // namespace

std::span<const SeccompGroup> default_seccomp_groups() noexcept {
    return kGroups;
}

}  // namespace nau::runtime
