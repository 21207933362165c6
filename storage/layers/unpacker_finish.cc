// The end of a layer: what can only be said when everything is in place.

#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "oci/layer/printable.h"
#include "storage/layers/unpacker.h"
#include "storage/layers/xattr_policy.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

void Unpacker::finish() {
    settle();
    drop_hidden_copies();
    drop_needless_directories();
    make_whiteouts();
    if (tree_.directory(kRootDirectory).is_opaque) {
        hide_lower_root();
    }
    if (!root_is_explicit_) {
        inherit_root();
    }
    // Children first: a parent may lose its permissions, which matters to who is not root.
    for (DirectoryId id = tree_.size(); id-- > 0;) {
        if (tree_.is_alive(id)) {
            doing([&] { return oci::printable(tree_.path(id)); }, [&] { finish_directory(id); });
        }
    }
    set_pending_xattrs();
}

/// After chmod, which would change an ACL.
void Unpacker::set_pending_xattrs() {
    for (const auto& xattr : pending_xattrs_) {
        if (tree_.is_alive(xattr.directory)) {
            doing([&] { return oci::printable(tree_.path(xattr.directory)); },
                  [&] {
                      const auto directory = directories_.open(xattr.directory);
                      set_xattr_of_file(directory->fd(), xattr.name, xattr.value);
                  });
        }
    }
}

void Unpacker::drop_hidden_copies() {
    for (const auto& [parent, name] : std::set(copies_)) {
        if (tree_.is_alive(parent)) {
            drop_copy_if_hidden({.parent = parent, .name = name});
        }
    }
}

/// The directories of such files.
void Unpacker::drop_needless_directories() {
    for (DirectoryId id = tree_.size(); id-- > 0;) {  // the inner ones first
        const auto& record = tree_.directory(id);
        if (record.is_own || !tree_.is_alive(id) ||
            !tree_.is_hidden(record.parent, tree_.name(id))) {
            continue;
        }
        const Place place = {.parent = record.parent, .name = std::string(tree_.name(id))};
        tree_.remove_directory(id);
        directories_.forget_all();
        sys::unlinkat(parent_of(place)->fd(), place.name, AT_REMOVEDIR);
    }
}

void Unpacker::make_whiteouts() {
    for (const auto& whiteout : tree_.whiteouts()) {
        const Place place = {.parent = whiteout.parent, .name = std::string(tree_.name(whiteout))};
        if (!tree_.is_alive(place.parent) || tree_.hides_lower_layers(place.parent)) {
            continue;
        }
        const auto found = tree_.find(place.parent, place.name);
        const bool has_own = found.kind == LayerTree::Kind::directory ||
                             (found.kind == LayerTree::Kind::other && status_of(place));
        if (!has_own && lower_.find(tree_.path(place.parent), place.name)) {
            make_whiteout(place);
        }
    }
}

void Unpacker::make_whiteout(const Place& place) {
    // Needs no privilege (Linux ≥ 5.8).
    sys::mknodat(parent_of(place)->fd(), place.name, S_IFCHR, makedev(0, 0));
    tree_.add_other(place.parent, place.name);
    ++made_;
}

/// overlayfs merges the roots of all layers, opaque or not, so that each name needs a whiteout.
void Unpacker::hide_lower_root() {
    for (const auto& name : lower_.root_names()) {
        const auto found = tree_.find(kRootDirectory, name);
        const Place place = {.parent = kRootDirectory, .name = name};
        if (found.kind == LayerTree::Kind::directory) {
            make_opaque(found.directory);
        } else if (found.kind == LayerTree::Kind::absent || !status_of(place)) {
            make_whiteout(place);
        }
    }
}

/// A layer that does not mention its root leaves it as it is below.
void Unpacker::inherit_root() {
    if (!has_lower() || lower_.top() < 0) {
        return;
    }
    auto& record = tree_.directory(kRootDirectory);
    const auto top = sys::openat(lower_.top(), ".", O_RDONLY | O_DIRECTORY);
    record.metadata = metadata_of(sys::fstat(top.get()));
    for (const auto& name : sys::listxattrat(top.get(), ".")) {
        const auto value = may_apply_xattr(name) ? sys::fgetxattr(top.get(), name) : std::nullopt;
        if (value) {
            pending_xattrs_.push_back({.directory = kRootDirectory, .name = name, .value = *value});
        }
    }
}

void Unpacker::inherit_xattrs(DirectoryId id) {
    const Place place = {.parent = tree_.directory(id).parent, .name = std::string(tree_.name(id))};
    if (const auto node = find_lower(place)) {
        copy_xattrs(*node, place);
    }
}

void Unpacker::finish_directory(DirectoryId id) {
    const auto& record = tree_.directory(id);
    const auto& metadata = record.metadata;
    const bool is_root = id == kRootDirectory;
    // The root by its own descriptor, the others by name in their parent's, which is mostly open.
    const int dir_fd = directories_.open(record.parent)->fd();
    const std::string name = is_root ? "." : std::string(tree_.name(id));
    const bool may_have_other_owner = record.is_adopted && settings_.changes_owner;
    if (may_have_other_owner || needs_chown(metadata.uid, metadata.gid)) {
        sys::fchownat(dir_fd, name, metadata.uid, metadata.gid);
    }
    if (record.made_mode != metadata.mode) {
        sys::fchmodat(dir_fd, name, metadata.mode);
    }
    if (record.wants_lower_xattrs) {
        inherit_xattrs(id);
    }
    sys::utimensat(dir_fd, name, as_timespec(metadata.accessed), as_timespec(metadata.modified));
}

}  // namespace nau::storage
