// The part of sys/file.h that removes trees.
//
// Depth first, without recursion: a stack of levels, each a directory with the subdirectories found
// in it and not yet visited. A level is scanned once; what is no directory goes at once. Only the
// innermost kOpenLevels levels keep a descriptor, so that a tree of any depth needs few; the way
// back to a closed level is "..", checked against the inode it must be, because somebody may have
// moved the directory meanwhile.
//
// Entering a directory is one openat2() with RESOLVE_NO_XDEV: it neither follows a link nor crosses
// a mount, not even a bind mount of the same file system, and needs no stat.

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <unistd.h>

#include "base/error.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

constexpr size_t kOpenLevels = 32;
constexpr size_t kBufferSize = size_t{32} * 1024;
/// Passes over one directory whose entries keep coming back: somebody is writing into it.
constexpr int kMostPasses = 64;

struct Level {
    std::string name;     // below its parent
    UniqueFd fd;          // closed in outer levels
    dev_t device = 0;     // known when fd was closed
    ino_t inode = 0;      //
    std::string pending;  // names of subdirectories, each with its NUL
    size_t next = 0;      // offset of the next in pending
    int passes = 0;
    bool made_writable = false;
    bool is_stuck = false;  // something in it failed: no second pass
};

class TreeRemover {
  public:
    TreeRemover(int dir_fd, size_t max_entries) : base_fd_(dir_fd), entries_left_(max_entries) {}

    /// false: the budget was used up before the end.
    bool remove(const std::string& name) {
        (void)enter(name);  // a failure is noted
        while (!levels_.empty() && entries_left_ > 0) {
            step();
        }
        rethrow_failure();
        return levels_.empty();
    }

  private:
    int parent_fd(size_t depth) const {
        return depth == 0 ? base_fd_ : levels_[depth - 1].fd.get();
    }

    /// Continues with the innermost level: its next subdirectory, another scan, or its end.
    void step() {
        Level& level = levels_.back();
        if (level.next < level.pending.size()) {
            const std::string name = level.pending.c_str() + level.next;
            level.next += name.size() + 1;
            if (!enter(name)) {
                level_failed();
            }
            return;
        }
        leave();
    }

    /// Opens `name` below the innermost level, scans it and makes it the innermost. false: failed.
    bool enter(const std::string& name) {
        const int parent = parent_fd(levels_.size());
        UniqueFd fd(open_directory(parent, name.c_str()));
        if (!fd) {
            return last_error_ == ENOENT;
        }
        close_outer_level();
        Level level;
        level.name = name;
        level.fd = std::move(fd);
        levels_.push_back(std::move(level));
        scan(levels_.back());
        return true;
    }

    int open_directory(int parent, const char* name) {
        constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        constexpr uint64_t kResolve =
            raw::kResolveNoXdev | raw::kResolveNoSymlinks | raw::kResolveBeneath;
        int fd = try_openat2(parent, name, kFlags, 0, kResolve);
        if (fd == -EACCES && make_accessible(parent, name)) {
            fd = try_openat2(parent, name, kFlags, 0, kResolve);
        }
        if (fd < 0) {
            last_error_ = -fd;
            if (fd != -ENOENT) {
                fail(-fd, name);
            }
        }
        return fd;
    }

    /// Gives the owner all permissions on a directory that has lost them.
    static bool make_accessible(int parent, const char* name) {
        try {
            fchmodat(parent, name, 0700);
            return true;
        } catch (const SysError&) {
            return false;  // the caller's error says why
        }
    }

    /// Removes what is no directory and collects what is one.
    void scan(Level& level) {
        level.pending.clear();
        level.next = 0;
        ++level.passes;
        for (;;) {
            const long count = raw::getdents64(level.fd.get(), buffer_.get(), kBufferSize);
            if (count <= 0) {
                if (count < 0 && count != -ENOENT) {
                    fail(static_cast<int>(-count), level.name.c_str());
                    level.is_stuck = true;
                }
                return;
            }
            for (size_t at = 0; at < static_cast<size_t>(count);) {
                if (entries_left_ == 0) {
                    return;
                }
                --entries_left_;
                const auto* entry = reinterpret_cast<const dirent64*>(buffer_.get() + at);
                at += entry->d_reclen;
                const char* name = entry->d_name;
                if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) {
                    continue;
                }
                if (entry->d_type == DT_DIR || remove_entry(level, name)) {
                    level.pending.append(name, std::strlen(name) + 1);
                }
            }
        }
    }

    /// unlinkat; true when `name` turns out to be a directory.
    bool remove_entry(Level& level, const char* name) {
        const int dir_fd = level.fd.get();
        int result = raw::unlinkat(dir_fd, name, 0);
        if (result == -EACCES && make_writable(level)) {
            result = raw::unlinkat(dir_fd, name, 0);
        }
        if (result == -EISDIR) {
            return true;
        }
        if (result != 0 && result != -ENOENT) {
            fail(-result, name);
            level.is_stuck = true;
        }
        return false;
    }

    /// Once per level; false when it has been tried before or is not allowed.
    static bool make_writable(Level& level) {
        if (level.made_writable) {
            return false;
        }
        level.made_writable = true;
        return raw::fchmod(level.fd.get(), 0700) == 0;
    }

    /// All subdirectories of the innermost level are done: removes it, or scans it once more when
    /// something came in meanwhile.
    void leave() {
        const size_t depth = levels_.size() - 1;
        if (depth > 0) {
            reopen_parent();
        }
        Level& level = levels_.back();
        int result = raw::unlinkat(parent_fd(depth), level.name.c_str(), AT_REMOVEDIR);
        if (result == -EACCES && depth > 0 && make_writable(levels_[depth - 1])) {
            result = raw::unlinkat(parent_fd(depth), level.name.c_str(), AT_REMOVEDIR);
        }
        const bool is_not_empty = result == -ENOTEMPTY || result == -EEXIST;
        if (is_not_empty && !level.is_stuck && level.passes < kMostPasses) {
            (void)raw::lseek(level.fd.get(), 0, SEEK_SET);
            scan(level);
            return;
        }
        if (result != 0 && result != -ENOENT) {
            const std::string name = std::move(level.name);
            levels_.pop_back();
            fail(-result, name.c_str());
            level_failed();
            return;
        }
        levels_.pop_back();
    }

    void level_failed() {
        if (!levels_.empty()) {
            levels_.back().is_stuck = true;
        }
    }

    /// Closes the level that is about to be the (kOpenLevels + 1)st from the inside.
    void close_outer_level() {
        if (levels_.size() < kOpenLevels) {
            return;
        }
        Level& outer = levels_[levels_.size() - kOpenLevels];
        if (outer.fd) {
            const auto status = fstat(outer.fd.get());
            outer.device = status.st_dev;
            outer.inode = status.st_ino;
            outer.fd.reset();
        }
    }

    void reopen_parent() {
        Level& parent = levels_[levels_.size() - 2];
        if (parent.fd) {
            return;
        }
        const int fd = try_openat2(levels_.back().fd.get(), "..", O_RDONLY | O_DIRECTORY, 0, 0);
        if (fd < 0) {
            throw SysError(-fd, "remove {}: open ..", parent.name);
        }
        parent.fd.reset(fd);
        const auto status = fstat(fd);
        if (status.st_dev != parent.device || status.st_ino != parent.inode) {
            throw Error(
                ErrorKind::in_use, "remove {}: moved while it was being removed", parent.name);
        }
    }

    void fail(int error, const char* name) {
        if (first_error_ != 0) {
            return;  // the rest are mostly consequences: a directory that is not empty
        }
        first_error_ = error;
        for (const Level& level : levels_) {
            failed_path_ += level.name + "/";
        }
        failed_path_ += name;
    }

    void rethrow_failure() const {
        if (first_error_ != 0) {
            throw SysError(first_error_, "remove {}", failed_path_);
        }
    }

    int base_fd_;
    size_t entries_left_;
    std::vector<Level> levels_;
    std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kBufferSize);
    int last_error_ = 0;
    int first_error_ = 0;
    std::string failed_path_;
};

bool is_single_component(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
           name.find('\0') == name.npos;
}

}  // namespace

bool remove_tree_within(int dir_fd, const std::string& name, size_t max_entries) {
    if (!is_single_component(name)) {
        throw SysError(EINVAL, "remove '{}'", name);
    }
    // Files and absent names need no machinery.
    const int result = raw::unlinkat(dir_fd, name.c_str(), 0);
    if (result == 0 || result == -ENOENT) {
        return true;
    }
    if (result != -EISDIR) {
        throw SysError(-result, "remove {}", name);
    }
    return TreeRemover(dir_fd, max_entries).remove(name);
}

void remove_tree(int dir_fd, const std::string& name) {
    (void)remove_tree_within(dir_fd, name, SIZE_MAX);  // never used up
}

void remove_tree(const std::string& path) {
    (void)remove_tree_within(path, SIZE_MAX);
}

bool remove_tree_within(const std::string& path, size_t max_entries) {
    const auto last = path.find_last_not_of('/');
    if (last == path.npos) {
        throw SysError(EINVAL, "remove '{}'", path);
    }
    const std::string trimmed = path.substr(0, last + 1);
    const auto slash = trimmed.rfind('/');
    if (slash == trimmed.npos) {
        return remove_tree_within(AT_FDCWD, trimmed, max_entries);
    }
    if (!is_single_component(trimmed.substr(slash + 1))) {
        throw SysError(EINVAL, "remove '{}'", path);
    }
    const auto parent = open_if_exists(trimmed.substr(0, slash + 1), O_PATH | O_DIRECTORY);
    if (!parent) {
        return true;
    }
    return doing(
        [&] { return fmt::format("below {}", trimmed.substr(0, slash + 1)); },
        [&] { return remove_tree_within(parent->get(), trimmed.substr(slash + 1), max_entries); });
}

}  // namespace nau::sys
