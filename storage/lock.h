#pragma once

// The locks between nau processes, always taken in this order:
//
//   ContainerLock (several: sorted by id) ─▶ StoreLock ─▶ one Transaction (BEGIN IMMEDIATE)
//
// A ContainerLock serialises the verbs on one container and may be held through a start or a stop.
// A StoreLock excludes the sweep of the garbage collector, the recovery after a boot and the repair
// of the database (exclusive) from those who must not see them half done (shared). It is short.
//
// Nobody who only reads takes a lock: the database is in WAL mode, so a reader sees the last
// committed state whatever a pull, a removal or a stuck container holds. Nobody who pulls, creates
// or starts takes the store lock either: what keeps the collector from their content is a lease
// row, and both sides meet in the database's write transaction (gc/sweep.h).

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "storage/container_id.h"
#include "storage/paths.h"
#include "sys/lock_file.h"

namespace nau::storage {

enum class LockMode { shared, exclusive };

class [[nodiscard]] StoreLock {
  public:
    /// Waits at most `timeout`. @throws Error{timed_out} naming the file and its holder
    static StoreLock acquire(const Paths& paths,
                             LockMode mode,
                             std::chrono::milliseconds timeout = std::chrono::seconds(30));
    /// nullopt when somebody else is in the way.
    static std::optional<StoreLock> try_acquire(const Paths& paths, LockMode mode);

    LockMode mode() const noexcept { return mode_; }

  private:
    StoreLock(sys::FileLock lock, LockMode mode) noexcept : lock_(std::move(lock)), mode_(mode) {}

    sys::FileLock lock_;
    LockMode mode_;
};

class [[nodiscard]] ContainerLock {
  public:
    /// Waits at most `timeout` (a stop may hold it as long as its grace period).
    /// @throws Error{timed_out} naming the container
    static ContainerLock acquire(const Paths& paths,
                                 const ContainerId& id,
                                 std::chrono::milliseconds timeout = std::chrono::minutes(5));
    static std::optional<ContainerLock> try_acquire(const Paths& paths, const ContainerId& id);
    /// Several at once, in the order of their ids, each once, whatever order they are given in.
    static std::vector<ContainerLock> acquire_all(
        const Paths& paths,
        std::vector<ContainerId> ids,
        std::chrono::milliseconds timeout = std::chrono::minutes(5));

    const ContainerId& id() const noexcept { return id_; }
    /// The container is gone: takes its lock file away as well. The lock is still held; whoever
    /// waits for it notices, and looks for the record again.
    void remove_file() noexcept;

  private:
    ContainerLock(sys::FileLock lock, ContainerId id, std::string path)
        : lock_(std::move(lock)), id_(std::move(id)), path_(std::move(path)) {}

    sys::FileLock lock_;
    ContainerId id_;
    std::string path_;
};

}  // namespace nau::storage
