#pragma once

// What every stage of the new process has at hand: the plan, what the parent has opened, where we
// are, and the one way to say that something went wrong. All code in this folder runs between clone
// and exec: it calls nothing but sys/raw.h and itself (src/runtime/README.md).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/magic.h>

#include "runtime/child.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/sync.h"
#include "sys/raw.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace nau::runtime::child {

constexpr int kNone = -1;
constexpr mode_t kDirectoryMode = 0755;
constexpr unsigned long kProcMagic = PROC_SUPER_MAGIC;
constexpr unsigned long kDevptsMagic = DEVPTS_SUPER_MAGIC;

struct Context {
    const ProcessPlan& process;
    const ChildInputs& in;
    int sync;

    // Where we are: what an error report says.
    Step step = Step::prepare;
    uint32_t object = 0;

    int proc = kNone;     ///< root of the container's procfs, or of a private one
    int dev = kNone;      ///< root of a new /dev
    int devpts = kNone;   ///< root of a new devpts
    int console = kNone;  ///< slave of the pty
    /// Mounts made before the host's tree went: see make_revealing_mounts().
    static constexpr size_t kMaxPremade = 8;
    struct Premade {
        size_t step = 0;
        int mount = kNone;
    };
    Premade premade[kMaxPremade] = {};
    size_t premade_count = 0;
    int stdio[3] = {kNone, kNone, kNone};
    int start_fifo = kNone;
    int start_hook_state = kNone;
    int hook_output = kNone;
    bool filters_last = false;
};

inline size_t length_of(const char* text) noexcept {
    return strlen(text);
}

void copy_text(char* to, size_t size, const char* from) noexcept;

void send(const Context& c, SyncMessage& message, int fd = kNone) noexcept;
void report(const Context& c, SyncKind kind, int error, const char* text) noexcept;
[[noreturn]] void die(const Context& c, int error, const char* text = "") noexcept;

/// Ends the process unless `result` is a success; returns it.
template <typename Result>
Result check(const Context& c, Result result, const char* text = "") noexcept {
    if (result < 0) {
        die(c, static_cast<int>(-result), text);
    }
    return result;
}

inline void at(Context& c, Step step, size_t object = 0) noexcept {
    c.step = step;
    c.object = static_cast<uint32_t>(object);
}

inline void close_if_open(int& fd) noexcept {
    if (fd != kNone) {
        sys::raw::close(fd);
        fd = kNone;
    }
}

}  // namespace nau::runtime::child
