#pragma once

// The housekeeping that nobody should wait for: making unpacked layers durable (one syncfs),
// collecting what killed commands have left, deleting what is in the trash, bounding the database's
// log. A command that leaves work of the kind starts a process of its own for it and returns; a
// later command finds what such a process left undone.

#include "sys/lock_file.h"

namespace nau::engine {

class Engine;

/// Starts `nau system upkeep` (hidden) in a session of its own, or leaves a request to the one that
/// is at work. A failure is a warning.
void start_upkeep(Engine& engine) noexcept;

/// While it lives no upkeep runs: for who does the same work himself, and counts it. Waits for the
/// one that is at work. What is asked for meanwhile is done when it ends.
class UpkeepPause {
  public:
    /// @throws Error{timed_out}
    explicit UpkeepPause(Engine& engine);
    ~UpkeepPause();
    UpkeepPause(const UpkeepPause&) = delete;
    UpkeepPause& operator=(const UpkeepPause&) = delete;
    UpkeepPause(UpkeepPause&&) = delete;
    UpkeepPause& operator=(UpkeepPause&&) = delete;

  private:
    Engine& engine_;
    sys::FileLock lock_;
};

/// What that process does, again while there are requests. Returns at once when another one is at
/// it.
void run_upkeep(Engine& engine);

}  // namespace nau::engine
