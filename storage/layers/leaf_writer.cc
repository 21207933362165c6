#include "storage/layers/leaf_writer.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/log.h"
#include "oci/layer/printable.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::storage {

namespace {

using oci::EntryType;

constexpr uint32_t kSpecialBits = 07000;
constexpr uint32_t kPermissionBits = 0777;

/// Runs `set`, forgiving the ways to say "not here, not you".
template <typename Set>
void set_xattr(const std::string& name, Set&& set) {
    try {
        set();
    } catch (const SysError& error) {
        if (error.error() != EOPNOTSUPP && error.error() != EPERM) {
            throw;
        }
        NAU_LOG_DEBUG("extended attribute {}: {}, ignoring", oci::printable(name), error.text());
    }
}

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

mode_t file_type_bits(EntryType type) noexcept {
    switch (type) {
        case EntryType::character_device:
            return S_IFCHR;
        case EntryType::block_device:
            return S_IFBLK;
        default:
            return S_IFIFO;
    }
}

}  // namespace

timespec as_timespec(const oci::Timestamp& time) noexcept {
    return {.tv_sec = static_cast<time_t>(time.seconds),
            .tv_nsec = static_cast<long>(time.nanoseconds)};
}

void set_xattr_of_file(int fd, const std::string& name, const std::string& value) {
    set_xattr(name, [&] { sys::fsetxattr(fd, name, value); });
}

void set_xattr_of_name(int dir_fd,
                       const std::string& file,
                       const std::string& name,
                       const std::string& value) {
    set_xattr(name, [&] { sys::setxattrat(dir_fd, file, name, value); });
}

void LeafWriter::take_own_umask() noexcept {
    if (sys::raw::unshare(CLONE_FS) == 0) {
        (void)sys::raw::umask(0);  // returns the old one
        has_own_umask_ = true;
    }
}

bool LeafWriter::needs_chown(const LeafJob& job) const noexcept {
    return settings_.changes_owner && settings_.created_as != std::pair(job.uid, job.gid);
}

/// chown clears setuid and setgid, so that they always come after it.
bool LeafWriter::needs_chmod(const LeafJob& job) const noexcept {
    return !has_own_umask_ || (job.mode & kSpecialBits) != 0;
}

void LeafWriter::run(LeafJob job) {
    const SharedDirectory directory = job.is_first ? job.directory : current_.directory;
    const std::string name = job.is_first ? job.name : current_.name;
    doing([&] { return oci::printable(directory->path_of(name)); },
          [&] {
              switch (job.type) {
                  case EntryType::regular:
                      run_regular(std::move(job));
                      break;
                  case EntryType::symlink:
                      make_symlink(job);
                      break;
                  default:
                      make_node(job);
                      break;
              }
          });
}

void LeafWriter::run_regular(LeafJob job) {
    if (job.is_first) {
        file_ = sys::openat(
            job.directory->fd(), job.name, O_WRONLY | O_CREAT | O_EXCL, job.mode & kPermissionBits);
        ++made_;
    }
    write_pieces(job);
    job.pieces.clear();
    if (job.is_first && job.is_last) {
        finish_regular(job);
        return;
    }
    if (job.is_first) {
        current_ = std::move(job);
    } else if (job.is_last) {
        finish_regular(current_);
        current_ = {};
    }
}

void LeafWriter::write_pieces(const LeafJob& job) {
    for (const auto& piece : job.pieces) {
        // Pieces of a file without holes come one after the other.
        if (job.is_sparse) {
            sys::pwrite_all(file_.get(), as_text(piece.bytes), static_cast<off_t>(piece.offset));
        } else {
            sys::write_all(file_.get(), as_text(piece.bytes));
        }
        file_bytes_ += piece.bytes.size();
    }
}

void LeafWriter::finish_regular(const LeafJob& job) {
    const int fd = file_.get();
    if (job.is_sparse) {
        sys::ftruncate(fd, static_cast<off_t>(job.size));
    }
    if (needs_chown(job)) {
        sys::fchown(fd, job.uid, job.gid);
    }
    if (needs_chmod(job)) {
        sys::fchmod(fd, job.mode);
    }
    for (const auto& [name, value] : job.xattrs) {
        // After chown, which drops file capabilities.
        set_xattr_of_file(fd, name, value);
    }
    sys::futimens(fd, as_timespec(job.accessed), as_timespec(job.modified));
    // The last word of file systems that write late (quota, network).
    file_.close_checked(job.name.c_str());
}

void LeafWriter::make_symlink(const LeafJob& job) {
    if (job.link_target.empty()) {
        throw Error(ErrorKind::corrupt, "symbolic link without a target");
    }
    sys::symlinkat(job.link_target, job.directory->fd(), job.name);
    ++made_;
    set_owner_and_times(job);
}

void LeafWriter::make_node(const LeafJob& job) {
    const mode_t mode = file_type_bits(job.type) | (job.mode & kPermissionBits);
    const int result = sys::raw::mknodat(
        job.directory->fd(), job.name.c_str(), mode, makedev(job.device_major, job.device_minor));
    if (result == -EPERM && settings_.skips_devices) {
        NAU_LOG_WARN("device node {} is not allowed in this user namespace, leaving it out",
                     oci::printable(job.directory->path_of(job.name)));
        return;
    }
    if (result < 0) {
        throw SysError(-result, "mknod");
    }
    ++made_;
    set_owner_and_times(job);
}

/// Of what cannot be opened.
void LeafWriter::set_owner_and_times(const LeafJob& job) {
    const int dir_fd = job.directory->fd();
    if (needs_chown(job)) {
        sys::fchownat(dir_fd, job.name, job.uid, job.gid);
    }
    if (job.type != EntryType::symlink && needs_chmod(job)) {
        sys::fchmodat(dir_fd, job.name, job.mode);
    }
    for (const auto& [name, value] : job.xattrs) {
        set_xattr_of_name(dir_fd, job.name, name, value);
    }
    sys::utimensat(dir_fd, job.name, as_timespec(job.accessed), as_timespec(job.modified));
}

}  // namespace nau::storage
