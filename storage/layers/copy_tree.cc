#include "storage/layers/copy_tree.h"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/stat.h>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "oci/layer/printable.h"
#include "storage/layers/xattr_policy.h"
#include "sys/copy_file.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

/// As apply_layer() takes them: each level holds two descriptors.
constexpr int kMaxDepth = 512;
constexpr mode_t kModeBits = 07777;

/// A file system without them does not fail the copy.
void set_xattr(int to_dir,
               const std::string& name,
               const std::string& attribute,
               const std::string& value) {
    try {
        sys::setxattrat(to_dir, name, attribute, value);
    } catch (const SysError& error) {
        if (error.error() != EOPNOTSUPP && error.error() != EPERM) {
            throw;
        }
        NAU_LOG_DEBUG(
            "extended attribute {}: {}, ignoring", oci::printable(attribute), error.text());
    }
}

class TreeCopier {
  public:
    /// `to` is borrowed.
    explicit TreeCopier(int to) : root_(sys::openat(to, ".", O_PATH | O_DIRECTORY)) {}

    void copy_directory(int from, int to, const std::string& path, int depth) {
        if (depth > kMaxDepth) {
            throw Error(ErrorKind::invalid, "directories are nested more than {} deep", kMaxDepth);
        }
        for (const auto& entry : sys::list_directory(from)) {
            copy_entry(from, to, path, entry.name, depth);
        }
    }

    /// Of the directories themselves.
    static void copy_own_xattrs(int from, int to) { copy_xattrs(from, to, "."); }

  private:
    static void copy_xattrs(int from_dir, int to_dir, const std::string& name) {
        for (const auto& attribute : sys::listxattrat(from_dir, name)) {
            const auto value = may_apply_xattr(attribute)
                                   ? sys::getxattrat(from_dir, name, attribute)
                                   : std::nullopt;
            if (value) {
                set_xattr(to_dir, name, attribute, *value);
            }
        }
    }

    /// Owner first: chown clears setuid bits and capabilities.
    static void copy_metadata(int from_dir,
                              int to_dir,
                              const std::string& name,
                              const struct ::stat& status) {
        sys::fchownat(to_dir, name, status.st_uid, status.st_gid);
        if (!S_ISLNK(status.st_mode)) {
            sys::fchmodat(to_dir, name, status.st_mode & kModeBits);
            copy_xattrs(from_dir, to_dir, name);
        }
        sys::utimensat(to_dir, name, status.st_atim, status.st_mtim);
    }

    static void copy_regular(int from_dir, int to_dir, const std::string& name) {
        // O_NONBLOCK: it may have become a FIFO since it was looked at.
        const sys::UniqueFd from = sys::openat(from_dir, name, O_RDONLY | O_NONBLOCK);
        const sys::UniqueFd to = sys::openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        sys::copy_file(from.get(), to.get());
    }

    void copy_entry(
        int from_dir, int to_dir, const std::string& path, const std::string& name, int depth) {
        const auto status = sys::fstatat_if_exists(from_dir, name);
        if (!status || copy_as_link(*status, to_dir, path, name)) {
            return;
        }
        if (S_ISDIR(status->st_mode)) {
            (void)sys::mkdirat(to_dir, name, 0700);
            const sys::UniqueFd from = sys::openat(from_dir, name, O_RDONLY | O_DIRECTORY);
            const sys::UniqueFd to = sys::openat(to_dir, name, O_RDONLY | O_DIRECTORY);
            copy_directory(from.get(), to.get(), path + name + "/", depth + 1);
        } else if (S_ISREG(status->st_mode)) {
            copy_regular(from_dir, to_dir, name);
        } else if (S_ISLNK(status->st_mode)) {
            sys::symlinkat(sys::readlinkat(from_dir, name), to_dir, name);
        } else {
            sys::mknodat(to_dir, name, status->st_mode, status->st_rdev);
        }
        copy_metadata(from_dir, to_dir, name, *status);
    }

    /// Of a file with several names the first is copied.
    bool copy_as_link(const struct ::stat& status,
                      int to_dir,
                      const std::string& path,
                      const std::string& name) {
        if (S_ISDIR(status.st_mode) || status.st_nlink < 2) {
            return false;
        }
        const auto [first, is_new] = first_names_.try_emplace(
            std::pair(status.st_dev, status.st_ino), std::pair(path, name));
        if (is_new) {
            return false;
        }
        const auto& [first_directory, first_name] = first->second;
        const sys::UniqueFd directory = root_.open_in_root(
            first_directory.empty() ? "." : first_directory, O_PATH | O_DIRECTORY);
        sys::linkat(directory.get(), first_name, to_dir, name);
        return true;
    }

    sys::DirFd root_;
    /// Directory below the root ("" or "a/b/") and name, by the original's device and inode.
    std::map<std::pair<dev_t, ino_t>, std::pair<std::string, std::string>> first_names_;
};

}  // namespace

void copy_tree(int from, int to) {
    TreeCopier(to).copy_directory(from, to, "", 0);
    const auto status = sys::fstat(from);
    sys::fchown(to, status.st_uid, status.st_gid);
    sys::fchmod(to, status.st_mode & kModeBits);
    TreeCopier::copy_own_xattrs(from, to);
    sys::futimens(to, status.st_atim, status.st_mtim);
}

}  // namespace nau::storage
