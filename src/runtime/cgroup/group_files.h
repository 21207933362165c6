#pragma once

// Directories and files of the cgroup file systems, by trusted paths: nobody but the administrator
// makes names there that could lead elsewhere. A container may make groups below its own if it is
// given a writable mount; so listing, killing and removing go down the tree.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "runtime/cgroup/limits.h"

namespace nau::runtime::cgroup {

/// Makes `directory` and missing parents below `mount_point`; false when it existed.
bool make_group(const std::string& mount_point, const std::string& path);

/// Writes a value in one call. `member` and the file name an error.
void write_limit(const std::string& directory, const LimitWrite& write);
/// false when there is no such file.
bool try_write(const std::string& path, std::string_view value);

/// Pids of the group and of all below it, sorted, without duplicates. Absent: none.
std::vector<pid_t> processes_below(const std::string& directory);
bool has_processes_below(const std::string& directory);

/// SIGKILL to all processes below, again and again until a look finds none or `rounds` are over:
/// new ones may be forked in between.
void kill_one_by_one(const std::string& directory, int rounds);

/// rmdir of the tree, deepest first. false when a group is still busy (EBUSY).
bool try_remove_tree(const std::string& directory);

/// A file with one number; nullopt when it is absent or "max".
std::optional<uint64_t> read_number(const std::string& path);
/// The number behind `key` in a file of "key value" lines.
std::optional<uint64_t> read_keyed_number(const std::string& path, std::string_view key);

/// Such a file read once: each read makes the kernel add up figures over all processors.
class KeyedFile {
  public:
    explicit KeyedFile(const std::string& path);
    std::optional<uint64_t> find(std::string_view key) const;
    uint64_t get(std::string_view key) const { return find(key).value_or(0); }

  private:
    std::string text_;
};

/// Waits a little longer each time, until a deadline.
class Backoff {
  public:
    explicit Backoff(std::chrono::milliseconds patience);
    /// false when the time is over.
    bool wait();

  private:
    std::chrono::steady_clock::time_point deadline_;
    std::chrono::microseconds step_{200};
};

}  // namespace nau::runtime::cgroup
