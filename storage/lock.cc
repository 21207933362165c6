#include "storage/lock.h"

#include <algorithm>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"

namespace nau::storage {

StoreLock StoreLock::acquire(const Paths& paths, LockMode mode, std::chrono::milliseconds timeout) {
    const std::string file = paths.store_lock();
    return StoreLock(mode == LockMode::shared ? sys::FileLock::shared_within(file, timeout)
                                              : sys::FileLock::exclusive_within(file, timeout),
                     mode);
}

std::optional<StoreLock> StoreLock::try_acquire(const Paths& paths, LockMode mode) {
    const std::string file = paths.store_lock();
    auto lock = mode == LockMode::shared ? sys::FileLock::try_shared(file)
                                         : sys::FileLock::try_exclusive(file);
    if (!lock) {
        return std::nullopt;
    }
    return StoreLock(*std::move(lock), mode);
}

ContainerLock ContainerLock::acquire(const Paths& paths,
                                     const ContainerId& id,
                                     std::chrono::milliseconds timeout) {
    const std::string file = paths.container_lock(id);
    return doing(
        [&] { return fmt::format("waiting for container {}", id.short_id()); },
        [&] { return ContainerLock(sys::FileLock::exclusive_within(file, timeout), id, file); });
}

std::optional<ContainerLock> ContainerLock::try_acquire(const Paths& paths, const ContainerId& id) {
    const std::string file = paths.container_lock(id);
    auto lock = sys::FileLock::try_exclusive(file);
    if (!lock) {
        return std::nullopt;
    }
    return ContainerLock(*std::move(lock), id, file);
}

std::vector<ContainerLock> ContainerLock::acquire_all(const Paths& paths,
                                                      std::vector<ContainerId> ids,
                                                      std::chrono::milliseconds timeout) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::vector<ContainerLock> locks;
    locks.reserve(ids.size());
    for (const auto& id : ids) {
        locks.push_back(acquire(paths, id, timeout));
    }
    return locks;
}

void ContainerLock::remove_file() noexcept {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
        // It is on a tmpfs and gone at the next boot.
        NAU_LOG_WARN("remove {}: {}, ignoring", path_, errno_text(errno));
    }
}

}  // namespace nau::storage
