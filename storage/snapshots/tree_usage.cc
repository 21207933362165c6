#include "storage/snapshots/tree_usage.h"

#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

/// Levels below the root that are followed: each costs a descriptor while it is visited.
constexpr size_t kMaxDepth = 512;
constexpr uint64_t kBlockBytes = 512;  // of st_blocks, whatever the file system

class Walk {
  public:
    SnapshotUsage run(const std::string& directory) {
        visit(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), 0);
        return usage_;
    }

  private:
    void count(const struct ::stat& status) {
        const bool is_new = status.st_nlink < 2 || S_ISDIR(status.st_mode) ||
                            linked_.emplace(status.st_dev, status.st_ino).second;
        if (is_new) {
            usage_.size_bytes += static_cast<uint64_t>(status.st_blocks) * kBlockBytes;
            ++usage_.inodes;
            usage_.content_bytes +=
                S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
        }
    }

    void visit(const sys::UniqueFd& directory, size_t depth) {
        count(sys::fstat(directory.get()));
        for (const auto& entry : sys::list_directory(directory.get())) {
            if (entry.type == sys::FileType::directory || entry.type == sys::FileType::unknown) {
                if (visit_below(directory.get(), entry.name, depth + 1)) {
                    continue;
                }
            }
            struct ::stat status = {};
            if (::fstatat(directory.get(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
                count(status);
            }
        }
    }

    /// false when it is no directory (any more), or too deep.
    bool visit_below(int parent, const std::string& name, size_t depth) {
        if (depth > kMaxDepth) {
            NAU_LOG_DEBUG("{} levels deep: what is below is not counted", depth);
            return false;
        }
        const sys::UniqueFd directory(
            ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!directory) {
            const int error = errno;
            if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == EACCES) {
                return false;
            }
            throw SysError(error, "open {}", name);
        }
        visit(directory, depth);
        return true;
    }

    SnapshotUsage usage_;
    std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

SnapshotUsage measure_tree(const std::string& directory) {
    return Walk().run(directory);
}

}  // namespace nau::storage
