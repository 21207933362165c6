#pragma once

// The journal's writing end. Every process of nau appends for itself:
//
//   open → lock → (last line unfinished? begin a new one) → one write(2), O_APPEND → unlock
//
// The lock is journal.jsonl.lock, beside it. Rotation (journal.jsonl → .1 → .2 …, the oldest is
// dropped) renames under the same lock, so that a file that has been rotated away never grows again
// and a follower may leave it at its end. The lock is held for microseconds. Should its holder be
// stopped in that moment, others wait for at most 250 ms and then append without it: O_APPEND keeps
// lines whole all the same.
//
// Events are not synced: they survive the death of the process, not a power cut.

#include <cstdint>
#include <filesystem>
#include <span>

#include "events/event.h"

namespace nau::events {

struct JournalLimits {
    /// A file that has reached this size is rotated before the next event.
    uint64_t max_size_bytes = 8 * 1024 * 1024;
    /// All files together, the current one included; at least 1.
    int max_files = 3;
};

class Journal {
  public:
    /// Touches nothing. The directory is made by the first append, mode 0700; files have 0600.
    explicit Journal(std::filesystem::path path, JournalLimits limits = {});

    /// @throws SysError, among them ENOSPC; an unfinished line that is left is stepped over
    void append(const Event& event) const;
    /// Many at once, in their order, in one write(2).
    void append(std::span<const Event> events) const;

    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
    JournalLimits limits_;
};

}  // namespace nau::events
