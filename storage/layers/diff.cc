#include "storage/layers/diff.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "oci/layer/printable.h"
#include "oci/layer/whiteout.h"
#include "storage/layers/lower_layers.h"
#include "storage/layers/same_entry.h"
#include "storage/layers/tree_marks.h"
#include "storage/layers/xattr_policy.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

using oci::EntryType;
using oci::LayerEntry;

// As apply_layer() takes them: each level holds a descriptor.
constexpr int kMaxDepth = 512;
constexpr size_t kMaxPathBytes = 4095;
constexpr size_t kReadBytes = size_t{256} << 10U;

EntryType type_of(mode_t mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return EntryType::directory;
        case S_IFLNK:
            return EntryType::symlink;
        case S_IFCHR:
            return EntryType::character_device;
        case S_IFBLK:
            return EntryType::block_device;
        case S_IFIFO:
            return EntryType::fifo;
        default:
            return EntryType::regular;
    }
}

class TreeWriter {
  public:
    TreeWriter(oci::TarWriter& out, const WriteTreeOptions& options)
        : out_(out), options_(options), marks_(options.form), buffer_(kReadBytes, '\0') {}

    WrittenTree run(int directory) {
        if (options_.has_root) {
            const struct ::stat status = sys::fstat(directory);
            add(describe(directory, ".", "./", status));
        }
        write_directory(directory, options_.origin, "", 0);
        return written_;
    }

  private:
    void check_stop() const {
        if (options_.stop.stop_requested()) {
            throw Error(ErrorKind::interrupted, "stopped");
        }
    }

    void flush() {
        for (const auto& directory : std::exchange(pending_, {})) {
            out_.add(directory);
            ++written_.members;
        }
    }

    void add(const LayerEntry& entry) {
        flush();
        out_.add(entry);
        ++written_.members;
    }

    LayerEntry describe(int parent,
                        const std::string& name,
                        const std::string& path,
                        const struct ::stat& status) {
        LayerEntry entry;
        entry.path = path;
        entry.type = type_of(status.st_mode);
        entry.mode = status.st_mode & 07777U;
        entry.uid = status.st_uid;
        entry.gid = status.st_gid;
        entry.modified = {.seconds = status.st_mtim.tv_sec,
                          .nanoseconds = static_cast<uint32_t>(status.st_mtim.tv_nsec)};
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
            entry.device_major = major(status.st_rdev);
            entry.device_minor = minor(status.st_rdev);
        }
        for (const auto& attribute : sys::listxattrat(parent, name)) {
            if (!may_apply_xattr(attribute) || attribute.find('=') != std::string::npos) {
                continue;
            }
            if (auto value = sys::getxattrat(parent, name, attribute)) {
                entry.xattrs.emplace(attribute, *std::move(value));
            }
        }
        return entry;
    }

    void write_directory(int directory,
                         std::optional<int> origin,
                         const std::string& prefix,
                         int depth) {
        if (depth > kMaxDepth) {
            throw Error(
                ErrorKind::unsupported, "directories are nested more than {} deep", kMaxDepth);
        }
        std::vector<std::string> names;
        for (auto& entry : sys::list_directory(directory)) {
            names.push_back(std::move(entry.name));
        }
        if (origin) {  // what is gone
            for (auto& entry : sys::list_directory(*origin)) {
                names.push_back(std::move(entry.name));
            }
        }
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        for (const auto& name : names) {
            check_stop();
            write_name(directory, origin, name, prefix + name, depth);
        }
    }

    void write_name(int parent,
                    std::optional<int> origin,
                    const std::string& name,
                    const std::string& path,
                    int depth) {
        const auto status = sys::fstatat_if_exists(parent, name);
        const auto before = origin ? sys::fstatat_if_exists(*origin, name) : std::nullopt;
        if (!status && before) {
            write_whiteout(path, name);
        }
        if (!status || S_ISSOCK(status->st_mode)) {
            return;
        }
        if (path.size() > kMaxPathBytes) {
            throw Error(ErrorKind::unsupported,
                        "{}: a path of {} bytes is longer than a layer may have",
                        oci::printable(path),
                        path.size());
        }
        if (options_.form != LayerForm::merged && is_whiteout(*status)) {
            write_whiteout(path, name);
            return;
        }
        const bool is_same = before && is_equal(parent, *status, *origin, *before, name);
        if (is_same && !S_ISDIR(status->st_mode)) {
            return;
        }
        if (options_.is_layer && name.starts_with(oci::kWhiteoutPrefix)) {
            NAU_LOG_WARN("{}: a layer cannot hold this name, leaving it out", oci::printable(path));
            return;
        }
        if (S_ISDIR(status->st_mode)) {
            sys::UniqueFd below;
            if (before && S_ISDIR(before->st_mode)) {
                below = sys::openat(*origin, name, O_RDONLY | O_DIRECTORY);
            }
            write_subdirectory(parent, below, is_same, name, path, depth);
        } else if (S_ISREG(status->st_mode)) {
            write_file(parent, name, path);
        } else {
            write_other(parent, name, path, *status);
        }
    }

    void write_whiteout(const std::string& path, const std::string& name) {
        write_marker(path.substr(0, path.size() - name.size()) + std::string(oci::kWhiteoutPrefix) +
                     name);
    }

    /// A file that says something of the layers below.
    void write_marker(const std::string& path) {
        LayerEntry entry;
        entry.path = path;
        add(entry);
    }

    void write_subdirectory(int parent,
                            const sys::UniqueFd& origin,
                            bool is_same,
                            const std::string& name,
                            const std::string& path,
                            int depth) {
        const sys::UniqueFd directory = sys::openat(parent, name, O_RDONLY | O_DIRECTORY);
        if (options_.mount_points.contains(path) && sys::list_directory(directory.get()).empty()) {
            return;
        }
        marks_.refuse_redirected(directory.get(), path);
        const size_t outer = pending_.size();
        pending_.push_back(describe(parent, name, path, sys::fstat(directory.get())));
        if (!is_same) {
            flush();
        }
        if (marks_.is_opaque(directory.get())) {
            write_marker(path + "/" + std::string(oci::kOpaqueMarker));
        }
        write_directory(directory.get(),
                        origin ? std::optional(origin.get()) : std::nullopt,
                        path + "/",
                        depth + 1);
        pending_.resize(std::min(pending_.size(), outer));  // still there: nothing is new in it
    }

    void write_file(int parent, const std::string& name, const std::string& path) {
        // O_NONBLOCK: it may have become a FIFO since it was looked at.
        const sys::UniqueFd file = sys::openat(parent, name, O_RDONLY | O_NONBLOCK);
        const struct ::stat status = sys::fstat(file.get());
        if (!S_ISREG(status.st_mode) ||
            (status.st_size == 0 && options_.mount_points.contains(path))) {
            return;
        }
        marks_.refuse_without_content(file.get(), path);
        if (write_as_link(path, status)) {
            return;
        }
        LayerEntry entry = describe(parent, name, path, status);
        entry.size = static_cast<uint64_t>(status.st_size);
        add(entry);
        write_content(file.get(), path);
        written_.content_bytes += entry.size;
    }

    void write_content(int file, const std::string& path) {
        while (out_.content_left() > 0) {
            check_stop();
            const auto wanted = std::min<uint64_t>(out_.content_left(), buffer_.size());
            const size_t size = sys::read_some(file, buffer_.data(), static_cast<size_t>(wanted));
            if (size == 0) {
                NAU_LOG_WARN("{}: became shorter while it was read, the rest is zeros",
                             oci::printable(path));
                out_.fill_with_zeros();
                return;
            }
            out_.write_content(std::string_view(buffer_.data(), size));
        }
    }

    void write_other(int parent,
                     const std::string& name,
                     const std::string& path,
                     const struct ::stat& status) {
        if (write_as_link(path, status)) {
            return;
        }
        LayerEntry entry = describe(parent, name, path, status);
        if (entry.type == EntryType::symlink) {
            entry.mode = 0777;
            entry.link_target = sys::readlinkat(parent, name);
        }
        add(entry);
    }

    /// Of a file with several names the first has the content.
    bool write_as_link(const std::string& path, const struct ::stat& status) {
        if (status.st_nlink < 2) {
            return false;
        }
        const auto [first, is_new] =
            first_names_.try_emplace(std::pair(status.st_dev, status.st_ino), path);
        if (is_new) {
            return false;
        }
        LayerEntry entry;
        entry.path = path;
        entry.type = EntryType::hard_link;
        entry.mode = status.st_mode & 07777U;
        entry.uid = status.st_uid;
        entry.gid = status.st_gid;
        entry.modified = {.seconds = status.st_mtim.tv_sec,
                          .nanoseconds = static_cast<uint32_t>(status.st_mtim.tv_nsec)};
        entry.link_target = first->second;
        add(entry);
        return true;
    }

    oci::TarWriter& out_;
    const WriteTreeOptions& options_;
    TreeMarks marks_;
    std::string buffer_;
    std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
    /// Directories equal in both trees, which are only written when something in them is not.
    std::vector<LayerEntry> pending_;
    WrittenTree written_;
};

}  // namespace

WrittenTree write_tree(int directory, oci::TarWriter& out, const WriteTreeOptions& options) {
    return TreeWriter(out, options).run(directory);
}

}  // namespace nau::storage
