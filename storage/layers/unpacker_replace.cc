// What was there before: names that come twice in one layer, what a whiteout hides, and what a hard
// link needs from the lower layers.

#include <fcntl.h>
#include <utility>

#include "base/error.h"
#include "oci/layer/printable.h"
#include "storage/layers/unpacker.h"
#include "storage/layers/xattr_policy.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::storage {

/// Waits until all members so far are on the disk, hard links included.
void Unpacker::settle() {
    writers_.drain();
    for (const auto& link : std::exchange(pending_links_, {})) {
        doing([&] { return oci::printable(path_of(link.link)); }, [&] { run_link(link); });
    }
}

void Unpacker::fail_link(const Place& target, const char* what) const {
    throw Error(
        ErrorKind::corrupt, "hard link to '{}', which {}", oci::printable(path_of(target)), what);
}

void Unpacker::run_link(const PendingLink& link) {
    auto status = status_of(link.target);
    if (!status && has_lower()) {
        copy_up(link.target);  // its name only looked like one of this layer's
        status = status_of(link.target);
    }
    if (!status) {
        fail_link(link.target, "does not exist");
    }
    if (S_ISDIR(status->st_mode)) {
        fail_link(link.target, "is a directory");
    }
    // Without AT_SYMLINK_FOLLOW: a link to a symbolic link is just that.
    sys::linkat(
        parent_of(link.target)->fd(), link.target.name, parent_of(link.link)->fd(), link.link.name);
}

/// Makes `place` free for something that is no directory.
void Unpacker::clear_way(const Place& place) {
    const auto found = tree_.find(place.parent, place.name);
    if (found.kind == LayerTree::Kind::absent && is_overlay()) {
        return;
    }
    if (found.kind != LayerTree::Kind::absent) {
        settle();
    }
    if (const auto status = status_of(place)) {
        remove(place, *status);
    }
}

/// @pre settled, if it is of this layer
void Unpacker::remove(const Place& place, const struct ::stat& status) {
    if (!pending_links_.empty()) {
        settle();  // one of them may be to what goes now
    }
    const auto parent = parent_of(place);
    copies_.erase({place.parent, place.name});
    if (!S_ISDIR(status.st_mode)) {
        sys::unlinkat(parent->fd(), place.name);
        forget_paths();
        return;
    }
    const auto found = tree_.find(place.parent, place.name);
    if (found.kind == LayerTree::Kind::directory) {
        tree_.remove_directory(found.directory);
    }
    forget_paths();
    directories_.forget_all();
    sys::remove_tree(parent->fd(), place.name);
}

/// A whiteout: what this layer itself has there stays, wherever it stands in the tar.
void Unpacker::hide(const Place& place) {
    const auto found = tree_.find(place.parent, place.name);
    if (is_overlay()) {
        if (has_lower()) {
            tree_.add_whiteout(place.parent, place.name);
        }
        if (found.kind == LayerTree::Kind::directory) {
            make_opaque(found.directory);
        }
        return;
    }
    if (found.kind == LayerTree::Kind::other) {
        return;
    }
    settle();
    if (found.kind == LayerTree::Kind::directory && tree_.directory(found.directory).is_own) {
        remove_foreign(found.directory);
    } else if (const auto status = status_of(place)) {
        remove(place, *status);
    }
}

void Unpacker::make_opaque(DirectoryId id) {
    auto& record = tree_.directory(id);
    if (!has_lower() || record.is_opaque) {
        return;
    }
    record.is_opaque = true;
    // overlayfs does not look for the mark at the root of a layer: see hide_lower_root().
    if (id != kRootDirectory) {
        sys::fsetxattr(directories_.open(id)->fd(), opaque_xattr_, "y");
    }
}

/// Removes what lies in a directory of the target without this layer's doing (merged).
void Unpacker::remove_foreign(DirectoryId id) {
    // A descriptor of its own: listing moves the offset.
    const auto directory = sys::openat(directories_.open(id)->fd(), ".", O_RDONLY | O_DIRECTORY);
    for (const auto& entry : sys::list_directory(directory.get())) {
        const auto found = tree_.find(id, entry.name);
        const bool is_own_directory =
            found.kind == LayerTree::Kind::directory && tree_.directory(found.directory).is_own;
        if (is_own_directory) {
            remove_foreign(found.directory);
        } else if (found.kind != LayerTree::Kind::other) {
            const Place place = {.parent = id, .name = entry.name};
            if (const auto status = status_of(place)) {
                remove(place, *status);
            }
        }
    }
}

/// A file that the lower layers must have is in the target afterwards.
void Unpacker::ensure_lower(const Place& place) {
    if (is_overlay()) {
        copy_up(place);
        return;
    }
    const auto status = status_of(place);
    if (!status) {
        fail_link(place, "does not exist");
    }
    if (S_ISDIR(status->st_mode)) {
        fail_link(place, "is a directory");
    }
}

/// Brings a file of the lower layers into this one, as overlayfs does when somebody links to it.
void Unpacker::copy_up(const Place& place) {
    const auto node = find_lower(place);
    if (!node) {
        fail_link(place, "does not exist");
    }
    const auto& status = node->status;
    if (S_ISDIR(status.st_mode)) {
        fail_link(place, "is a directory");
    }
    const int to = parent_of(place)->fd();
    if (S_ISREG(status.st_mode)) {
        copy_up_regular(place, *node);
    } else if (S_ISLNK(status.st_mode)) {
        sys::symlinkat(sys::readlinkat(node->parent, node->name), to, place.name);
    } else {
        sys::mknodat(to, place.name, status.st_mode, status.st_rdev);
    }
    tree_.add_other(place.parent, place.name);
    copies_.emplace(place.parent, place.name);
    ++made_;
    if (settings_.changes_owner) {
        sys::fchownat(to, place.name, status.st_uid, status.st_gid);
    }
    if (!S_ISLNK(status.st_mode)) {
        sys::fchmodat(to, place.name, status.st_mode & 07777);
    }
    copy_xattrs(*node, place);
    sys::utimensat(to, place.name, status.st_atim, status.st_mtim);
}

/// A copy is still the lower layers' file. When this layer hides that, it goes; links to it stay.
void Unpacker::drop_copy_if_hidden(const Place& place) {
    if (!copies_.contains({place.parent, place.name}) ||
        !tree_.is_hidden(place.parent, place.name)) {
        return;
    }
    settle();
    if (const auto status = status_of(place)) {
        remove(place, *status);
    }
}

void Unpacker::copy_up_regular(const Place& place, const LowerLayers::Node& source) {
    const auto from = sys::openat(source.parent, source.name, O_RDONLY | O_NONBLOCK);
    auto to = sys::openat(parent_of(place)->fd(), place.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const auto size = static_cast<uint64_t>(source.status.st_size);
    file_bytes_ += sys::copy_data(from.get(), to.get(), size);
    to.close_checked(place.name.c_str());
}

void Unpacker::copy_xattrs(const LowerLayers::Node& source, const Place& place) {
    for (const auto& name : sys::listxattrat(source.parent, source.name)) {
        if (!may_apply_xattr(name)) {
            continue;
        }
        if (const auto value = sys::getxattrat(source.parent, source.name, name)) {
            set_xattr_of_name(parent_of(place)->fd(), place.name, name, *value);
        }
    }
}

}  // namespace nau::storage
