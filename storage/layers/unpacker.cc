#include "storage/layers/unpacker.h"

#include <span>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "oci/layer/printable.h"
#include "oci/layer/whiteout.h"
#include "storage/layers/xattr_policy.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/raw.h"

namespace nau::storage {

namespace {

using oci::EntryType;
using oci::LayerEntry;
using oci::WhiteoutName;

/// What a large file's job carries at once.
constexpr uint64_t kPartBytes = uint64_t{512} << 10;
/// Descriptors of directories, the cache's own 64 included, before the writers have to catch up:
/// RLIMIT_NOFILE may be 1024, and several layers are unpacked at a time.
constexpr size_t kMaxOpenDirectories = 160;
constexpr size_t kMaxPendingLinks = 1024;
constexpr size_t kMaxWhiteouts = 500'000;
constexpr size_t kMaxPendingXattrBytes = size_t{8} << 20;

std::string opaque_xattr_name(LayerForm form) {
    return form == LayerForm::overlay_user ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

bool is_acl(std::string_view name) noexcept {
    return name.starts_with("system.posix_acl_");
}

uint64_t random_seed() {
    uint64_t seed = 0;
    sys::fill_random(std::as_writable_bytes(std::span(&seed, 1)));
    return seed;
}

/// Files are to begin with the caller's ids and with the mode that they are created with: without
/// a group or a default ACL that the target may have from its own parent.
void neutralise(int target) {
    const auto status = sys::fstat(target);
    if (status.st_gid != getegid()) {
        sys::fchown(target, static_cast<uid_t>(-1), getegid());
    }
    sys::fchmod(target, 0700);
    const int result = sys::raw::fremovexattr(target, "system.posix_acl_default");
    if (result < 0 && result != -ENODATA && result != -EOPNOTSUPP) {
        throw SysError(-result, "remove the default ACL of the layer's directory");
    }
}

}  // namespace

LeafSettings leaf_settings(const ApplyOptions& options) noexcept {
    LeafSettings settings;
    settings.changes_owner = options.ownership == Ownership::as_in_layer;
    if (options.form != LayerForm::merged) {
        settings.created_as = std::pair(geteuid(), getegid());
    }
    settings.skips_devices = options.skip_devices;
    return settings;
}

Unpacker::Unpacker(int target,
                   const ApplyOptions& options,
                   const LeafSettings& settings,
                   WriterPool& writers)
    : options_(options),
      opaque_xattr_(opaque_xattr_name(options.form)),
      writers_(writers),
      tree_(random_seed()),
      directories_(tree_, target),
      lower_(options.lower_dirs, opaque_xattr_),
      settings_(settings) {
    const int root = directories_.root()->fd();
    if (is_overlay()) {
        neutralise(root);
        return;
    }
    const auto status = sys::fstat(root);
    auto& record = tree_.directory(kRootDirectory);
    record.is_adopted = true;
    record.made_mode = static_cast<uint16_t>(status.st_mode & 07777);
    record.metadata = metadata_of(status);
}

void Unpacker::take_own_umask() noexcept {
    if (sys::raw::unshare(CLONE_FS) == 0) {
        (void)sys::raw::umask(0);  // returns the old one
        has_own_umask_ = true;
    }
}

void Unpacker::unpack(oci::TarReader& reader) {
    while (const LayerEntry* entry = reader.next()) {
        doing([&] { return oci::printable(entry->path); }, [&] { add(*entry, reader); });
    }
    finish();
}

void Unpacker::add(const LayerEntry& entry, oci::TarReader& reader) {
    if (++entries_ > options_.limits.max_entries) {
        throw Error(
            ErrorKind::corrupt, "layer has more than {} entries", options_.limits.max_entries);
    }
    if (directories_.open_count() > kMaxOpenDirectories) {
        writers_.drain();
    }
    const auto place = locate(entry);
    if (!place) {
        return;
    }
    if (place->name.empty()) {
        add_root(entry);
    } else if (!add_whiteout(*place)) {
        tree_.mark_own(place->parent);
        add_named(*place, entry, reader);
    }
}

void Unpacker::add_named(const Place& place, const LayerEntry& entry, oci::TarReader& reader) {
    switch (entry.type) {
        case EntryType::directory:
            add_directory(place, entry);
            break;
        case EntryType::hard_link:
            add_hard_link(place, entry);
            break;
        default:
            add_leaf(place, entry, reader);
            break;
    }
}

void Unpacker::add_root(const LayerEntry& entry) {
    if (entry.type != EntryType::directory) {
        throw Error(ErrorKind::corrupt, "the root of a layer must be a directory");
    }
    root_is_explicit_ = true;
    tree_.directory(kRootDirectory).metadata = metadata_of(entry);
    set_directory_xattrs(kRootDirectory, entry);
}

/// Whiteouts are named, whatever type they have. false: an ordinary name.
bool Unpacker::add_whiteout(const Place& place) {
    const auto whiteout = oci::parse_whiteout(place.name);
    switch (whiteout.kind) {
        case WhiteoutName::Kind::none:
            return false;
        case WhiteoutName::Kind::metadata:
            return true;
        case WhiteoutName::Kind::invalid:  // also when the directory is that of the last member
            throw Error(ErrorKind::corrupt, "whiteout of nothing");
        case WhiteoutName::Kind::opaque:
            if (is_overlay()) {
                make_opaque(place.parent);
            } else {
                settle();
                remove_foreign(place.parent);
            }
            return true;
        case WhiteoutName::Kind::whiteout:
            if (tree_.whiteouts().size() >= kMaxWhiteouts) {
                throw Error(ErrorKind::corrupt, "layer has too many whiteouts");
            }
            hide({.parent = place.parent, .name = std::string(whiteout.target)});
            return true;
    }
    return true;
}

void Unpacker::add_directory(const Place& place, const LayerEntry& entry) {
    const auto found = tree_.find(place.parent, place.name);
    DirectoryId id = found.directory;
    if (found.kind != LayerTree::Kind::directory) {
        const bool may_exist = found.kind == LayerTree::Kind::other || !is_overlay();
        if (found.kind == LayerTree::Kind::other) {
            settle();
        }
        const auto status = may_exist ? status_of(place) : std::nullopt;
        if (!status) {
            id = make_directory(place);
        } else if (S_ISDIR(status->st_mode)) {
            id = adopt_directory(place, *status);
        } else {
            // It hid what the lower layers have under this name, and the directory still does.
            remove(place, *status);
            id = make_directory(place);
            make_opaque(id);
        }
    }
    tree_.mark_own(id);
    auto& record = tree_.directory(id);
    record.metadata = metadata_of(entry);
    record.wants_lower_xattrs = false;
    set_directory_xattrs(id, entry);
}

void Unpacker::set_directory_xattrs(DirectoryId id, const LayerEntry& entry) {
    for (const auto& [name, value] : entry.xattrs) {
        if (!may_apply_xattr(name)) {
            continue;
        }
        if (!is_acl(name)) {
            set_xattr_of_file(directories_.open(id)->fd(), name, value);
            continue;
        }
        pending_xattr_bytes_ += value.size() + name.size();
        if (pending_xattr_bytes_ > kMaxPendingXattrBytes) {
            throw Error(ErrorKind::corrupt, "layer has too many ACLs of directories");
        }
        pending_xattrs_.push_back({.directory = id, .name = name, .value = value});
    }
}

void Unpacker::add_hard_link(const Place& place, const LayerEntry& entry) {
    const Place target = locate_target(entry);
    if (target.parent == place.parent && target.name == place.name) {
        throw Error(ErrorKind::corrupt, "hard link to itself");
    }
    drop_copy_if_hidden(target);
    const auto found = tree_.find(target.parent, target.name);
    if (found.kind == LayerTree::Kind::directory) {
        throw Error(ErrorKind::corrupt, "hard link to a directory");
    }
    if (found.kind == LayerTree::Kind::absent) {
        // Of the lower layers, and now: what comes later in the tar does not count.
        ensure_lower(target);
    }
    clear_way(place);
    if (!tree_.is_alive(target.parent)) {
        throw Error(ErrorKind::corrupt, "hard link replaces the directory of its target");
    }
    tree_.add_other(place.parent, place.name);
    pending_links_.push_back({.target = target, .link = place});
    if (pending_links_.size() >= kMaxPendingLinks) {
        settle();
    }
}

void Unpacker::add_leaf(const Place& place, const LayerEntry& entry, oci::TarReader& reader) {
    clear_way(place);
    tree_.add_other(place.parent, place.name);
    LeafJob job;
    job.directory = parent_of(place);
    job.name = place.name;
    job.type = entry.type;
    job.mode = entry.mode;
    job.uid = entry.uid;
    job.gid = entry.gid;
    job.modified = entry.modified;
    job.accessed = entry.accessed.value_or(entry.modified);
    job.link_target = entry.link_target;
    job.device_major = entry.device_major;
    job.device_minor = entry.device_minor;
    job.size = entry.size;
    job.is_sparse = entry.sparse_map.has_value();
    for (const auto& [name, value] : entry.xattrs) {
        if (may_apply_xattr(name)) {
            job.xattrs.emplace_back(name, value);
        }
    }
    uint64_t part_bytes = 0;
    while (auto piece = reader.next_content()) {
        part_bytes += piece->bytes.size();
        job.pieces.push_back(std::move(*piece));
        if (part_bytes >= kPartBytes) {
            const bool is_sparse = job.is_sparse;
            job.is_last = false;
            writers_.submit(std::exchange(job, LeafJob{}));
            job.is_sparse = is_sparse;
            job.is_first = false;
            part_bytes = 0;
        }
    }
    writers_.submit(std::move(job));
}

bool Unpacker::needs_chown(uid_t uid, gid_t gid) const noexcept {
    return settings_.changes_owner && settings_.created_as != std::pair(uid, gid);
}

DirectoryMetadata metadata_of(const LayerEntry& entry) noexcept {
    return {.mode = entry.mode,
            .uid = entry.uid,
            .gid = entry.gid,
            .modified = entry.modified,
            .accessed = entry.accessed.value_or(entry.modified)};
}

DirectoryMetadata metadata_of(const struct ::stat& status) noexcept {
    return {.mode = status.st_mode & 07777,
            .uid = status.st_uid,
            .gid = status.st_gid,
            .modified = {.seconds = status.st_mtim.tv_sec,
                         .nanoseconds = static_cast<uint32_t>(status.st_mtim.tv_nsec)},
            .accessed = {.seconds = status.st_atim.tv_sec,
                         .nanoseconds = static_cast<uint32_t>(status.st_atim.tv_nsec)}};
}

}  // namespace nau::storage
