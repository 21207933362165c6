#pragma once

// What parent and child say to each other while a task starts: a SOCK_SEQPACKET pair, one struct
// per message. The child's end is close-on-exec: its end of file after `executing` means success.
//
//   launch                        parent            child (process 1 of the container)
//                                   │ ── clone3 ──▶   joins groups (v1) and namespaces
//     new user namespace only:      │ ── proceed ─▶   (waits; its id maps are written)
//                                   │                 root, mounts, names, …
//                                   │ ◀── warning ──  any number: the start goes on
//     hooks, network devices:       │ ◀ environment ─  namespaces and mounts are there; the pivot
//     waits
//                                   │ ── proceed ─▶   (devices moved, the runtime's hooks have run)
//     terminal only:                │ ◀── console ──  + descriptor of the pty's master
//                                   │                 limits, user, seccomp, …
//     start FIFO, or a record:      │ ◀── waiting ──
//     a record to be made:          │ ── proceed ─▶   (end of file: the child ends)
//     start FIFO only:              │                 launch() returns; the child reads the FIFO
//                                   │ ◀─ executing ─
//     SCMP_ACT_NOTIFY only:         │ ◀── listener ─  + its descriptor; before or after `executing`
//                                   │ ◀──── EOF ────  execve: the command runs
//     at any time:                  │ ◀─── error ───  and the child ends
//
//   exec session                  parent            stage 1 (host's pid namespace)   stage 2
//                                   │ ── clone3 ──▶   joins, confines itself
//                                   │ ◀── console ──
//                                   │ ◀── process ──  + pidfd of stage 2  ── clone ──▶ (sibling)
//                                   │                 ends
//                                   │ ◀───────────────── executing, EOF, error ─────── execve
//
// End of file without `executing` or `error` means that the child was killed.

#include <cstdint>

namespace nau::runtime {

enum class SyncKind : uint32_t {
    proceed = 1,
    warning,
    console,
    waiting,
    process,
    executing,
    error,
    environment,
    listener,
};

/// Step::device: objects from here on are those of InitPlan::devices, before it of the new /dev.
constexpr uint32_t kOtherDevice = 0x10000;

/// Step::hooks: objects from here on are startContainer hooks, before it createContainer hooks.
constexpr uint32_t kStartHook = 0x10000;

/// `step` is a Step of launch.h. `object` says to which of the step's objects it happened: an index
/// into the plan's list (mounts, masked paths, …). `text` is what the kernel had to say, if
/// anything.
struct SyncMessage {
    SyncKind kind{};
    uint32_t step = 0;
    int32_t error = 0;
    uint32_t object = 0;
    int32_t pid = 0;  ///< process: as the parent sees it
    char text[172] = {};
};

}  // namespace nau::runtime
