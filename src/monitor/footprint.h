#pragma once

// A monitor is one per container and idle nearly all its life. What counts against it then is its
// private memory and its share of the mapped pages of the binary: code that only the start has used
// stays mapped for ever, and a kernel that keeps the binary in large folios (Linux 6.18) maps two
// megabytes of it at each touch.
//
//   busy ── nothing for a while ─▶ asleep: free heap given back, no page of the binary mapped but
//     ▲                            the one that waits                 │
//     └───────────────────────── something to do ────────────────────┘
//
// The pages stay in the page cache; waking up costs some tens of microseconds.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nau::monitor {

/// This process's environment with what makes a monitor's heap small: glibc's per-thread cache of
/// freed memory pins half of the pages that the start has used, and can be switched off in no other
/// way. A user's own GLIBC_TUNABLES are left alone.
std::vector<std::string> monitor_environment();
/// And without it: for what a monitor starts.
std::vector<std::string> ordinary_environment();

/// Before anything is allocated: free memory goes back to the kernel in small pieces.
void keep_heap_small() noexcept;

class Footprint {
  public:
    /// A part of a loaded object that is never written.
    struct Range {
        uintptr_t begin;
        size_t size;
    };

    Footprint();

    /// Returns when `fd` is readable (or for no reason).
    void sleep_until_readable(int fd) const noexcept;

  private:
    std::vector<Range> ranges_;
};

}  // namespace nau::monitor
