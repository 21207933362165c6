#pragma once

// Paths below the container's root. The process's working directory is that root from the moment
// it is attached, and its own root after the pivot: AT_FDCWD stands for it.

#include <cstdint>
#include <sys/types.h>

namespace nau::runtime::child {

/// Descriptor or -errno. No path leads out of the root, and no magic link is followed.
int open_in_root(const char* path, int flags, uint64_t resolve = 0, mode_t mode = 0) noexcept;

/// A place to mount on, made if it is missing: O_PATH descriptor or -errno.
int open_target(const char* path, bool is_directory, bool no_symlinks) noexcept;

/// The directory of `path`, made if missing, and where its last component begins.
int open_parent(const char* path, const char*& name) noexcept;

/// Whether the descriptor is on a file system of that kind; whether it is that very device.
bool is_on(int fd, unsigned long magic) noexcept;
bool is_device(int fd, mode_t type, unsigned major_number, unsigned minor_number) noexcept;

}  // namespace nau::runtime::child
