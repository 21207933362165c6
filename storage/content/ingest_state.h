#pragma once

// What an Ingest, its readers and the store share. Private to content/.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "oci/descriptor.h"
#include "oci/digest.h"
#include "storage/paths.h"
#include "sys/lock_file.h"
#include "sys/unique_fd.h"

namespace nau::storage {

struct IngestState {
    enum class Phase { growing, verified, corrupt, given_up };

    IngestState(const Paths& store_paths, oci::Descriptor descriptor, sys::FileLock file_lock)
        : paths(store_paths),
          expected(std::move(descriptor)),
          file(paths.ingest(expected.digest)),
          lock(std::move(file_lock)),
          hasher(std::in_place, expected.digest.algorithm()) {}

    /// The writer's descriptor is the one that carries the lock.
    int fd() const noexcept { return lock.fd(); }
    void enter(Phase next) noexcept;

    const Paths& paths;
    const oci::Descriptor expected;
    const std::string file;

    // The writer's alone.
    sys::FileLock lock;
    std::optional<oci::Hasher> hasher;
    uint64_t writeback_begun = 0;  ///< up to here the kernel has been told to write

    // Shared with the readers.
    std::mutex mutex;
    std::condition_variable_any changed;
    uint64_t offset = 0;
    uint64_t restarts = 0;
    Phase phase = Phase::growing;
};

}  // namespace nau::storage
