// From paths as the layer writes them to places in the target.
//
// A path is resolved in the merged tree, as if the layers had been unpacked on top of each other:
// a name that this layer brought counts first, then what the lower layers have. Links are followed
// within the tree, by this code and one name at a time; the kernel never sees a path with a link in
// it. (containerd looks for links in the new layer only, umoci in the merged tree; where a lower
// layer made the link, umoci's way is what a container would see.)

#include <algorithm>
#include <fcntl.h>
#include <utility>

#include "base/error.h"
#include "base/parse.h"
#include "oci/layer/printable.h"
#include "oci/layer/whiteout.h"
#include "storage/layers/entry_path.h"
#include "storage/layers/unpacker.h"
#include "sys/dir_fd.h"
#include "sys/raw.h"

namespace nau::storage {

namespace {

using oci::WhiteoutName;

/// As many links as the kernel follows in one path.
constexpr int kMaxLinks = 40;
/// Real trees stay below 100. The cost of a directory far down grows with its depth.
constexpr uint16_t kMaxDepth = 512;
constexpr size_t kMaxDirectoryNameBytes = size_t{32} << 20;

std::string_view without_final_slashes(std::string_view path) noexcept {
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    return path;
}

/// Names that the convention reserves must not be directories. false: the member belongs to AUFS.
bool check_directories(const std::vector<std::string_view>& names) {
    for (const auto name : names) {
        const auto kind = oci::parse_whiteout(name).kind;
        if (kind == WhiteoutName::Kind::metadata) {
            return false;
        }
        if (kind != WhiteoutName::Kind::none) {
            throw Error(ErrorKind::corrupt, "a whiteout is used as a directory");
        }
    }
    return true;
}

/// Takes "..", if that is what comes next.
bool drop_parent_step(std::deque<std::string>& names) {
    const auto next = std::find_if(names.begin(), names.end(), [](const std::string& name) {
        return !name.empty() && name != ".";
    });
    if (next == names.end() || *next != "..") {
        return false;
    }
    names.erase(names.begin(), next + 1);
    return true;
}

void prepend(std::deque<std::string>& names, std::string_view link) {
    const auto parts = split(link, '/');
    names.insert(names.begin(), parts.begin(), parts.end());
}

}  // namespace

std::optional<Unpacker::Place> Unpacker::locate(const oci::LayerEntry& entry) {
    const auto path = without_final_slashes(entry.path);
    const size_t slash = path.rfind('/');
    const auto prefix = path.substr(0, slash == std::string_view::npos ? 0 : slash);
    const auto base = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    const bool is_plain = !base.empty() && base != "." && base != "..";
    if (is_plain && last_parent_ && prefix == last_prefix_) {
        return Place{.parent = *last_parent_, .name = std::string(base)};
    }
    auto names = clean_path(path);
    if (names.empty()) {
        return Place{};
    }
    const std::string name(names.back());
    names.pop_back();
    if (!check_directories(names)) {
        return std::nullopt;
    }
    followed_link_ = false;
    const auto kind = oci::parse_whiteout(name).kind;
    if (kind == WhiteoutName::Kind::invalid) {
        throw Error(ErrorKind::corrupt, "whiteout of nothing");
    }
    const bool is_whiteout = kind != WhiteoutName::Kind::none;
    const auto parent = resolve_directory(names, is_whiteout ? Missing::give_up : Missing::make);
    if (!parent) {
        return std::nullopt;
    }
    // A path through a link may lead elsewhere as soon as the link is gone.
    if (is_plain && !followed_link_) {
        last_prefix_ = prefix;
        last_parent_ = parent;
    }
    return Place{.parent = *parent, .name = name};
}

Unpacker::Place Unpacker::locate_target(const oci::LayerEntry& entry) {
    auto names = clean_path(entry.link_target);
    if (names.empty()) {
        throw Error(ErrorKind::corrupt, "hard link to nothing");
    }
    const std::string name(names.back());
    names.pop_back();
    const auto parent = resolve_directory(names, Missing::give_up);
    if (!parent) {
        throw Error(ErrorKind::corrupt,
                    "hard link to '{}', which does not exist",
                    oci::printable(entry.link_target));
    }
    return {.parent = *parent, .name = name};
}

std::optional<DirectoryId> Unpacker::resolve_directory(const std::vector<std::string_view>& names,
                                                       Missing missing) {
    DirectoryId id = kRootDirectory;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto found = tree_.find(id, names[i]);
        if (found.kind != LayerTree::Kind::directory) {
            return resolve_slowly(
                id, {names.begin() + static_cast<ptrdiff_t>(i), names.end()}, missing);
        }
        id = found.directory;
    }
    return id;
}

/// The general case: links, and directories that the layer does not mention.
std::optional<DirectoryId> Unpacker::resolve_slowly(DirectoryId start,
                                                    std::deque<std::string> names,
                                                    Missing missing) {
    DirectoryId id = start;
    int links = 0;
    while (!names.empty()) {
        const std::string name = std::move(names.front());
        names.pop_front();
        if (name.empty() || name == ".") {
            continue;
        }
        if (name == "..") {
            id = tree_.directory(id).parent;  // the root's is the root
            continue;
        }
        const Place place = {.parent = id, .name = name};
        const auto link = link_at(place);
        if (!link) {
            // What is left at once need not exist, as in the cleaning of paths.
            if (drop_parent_step(names)) {
                continue;
            }
            const auto entered = enter(place, missing);
            if (!entered) {
                return std::nullopt;
            }
            id = *entered;
            continue;
        }
        followed_link_ = true;
        if (++links > kMaxLinks) {
            throw Error(ErrorKind::corrupt, "too many symbolic links in the path");
        }
        if (link->starts_with('/')) {
            id = kRootDirectory;
        }
        prepend(names, *link);
    }
    return id;
}

/// Where a link leads that the merged tree has there.
std::optional<std::string> Unpacker::link_at(const Place& place) {
    drop_copy_if_hidden(place);
    const auto found = tree_.find(place.parent, place.name);
    if (found.kind == LayerTree::Kind::directory) {
        return std::nullopt;
    }
    if (found.kind == LayerTree::Kind::other) {
        settle();
    }
    if (found.kind == LayerTree::Kind::other || !is_overlay()) {
        if (const auto status = status_of(place)) {
            return S_ISLNK(status->st_mode)
                       ? std::optional(sys::readlinkat(parent_of(place)->fd(), place.name))
                       : std::nullopt;
        }
    }
    const auto node = find_lower(place);
    return node && S_ISLNK(node->status.st_mode)
               ? std::optional(sys::readlinkat(node->parent, node->name))
               : std::nullopt;
}

/// A directory of the target, which the layers have or which is made. @pre no link, settled
std::optional<DirectoryId> Unpacker::enter(const Place& place, Missing missing) {
    const auto found = tree_.find(place.parent, place.name);
    if (found.kind == LayerTree::Kind::directory) {
        return found.directory;
    }
    const bool may_exist = found.kind == LayerTree::Kind::other || !is_overlay();
    const auto status = may_exist ? status_of(place) : std::nullopt;
    if (!status) {
        return enter_lower(place, missing);
    }
    if (S_ISDIR(status->st_mode)) {
        return adopt_directory(place, *status);
    }
    if (missing == Missing::give_up) {
        return std::nullopt;
    }
    const bool is_own =
        found.kind == LayerTree::Kind::other && !copies_.contains({place.parent, place.name});
    if (is_own) {
        throw Error(ErrorKind::corrupt, "'{}' is not a directory", oci::printable(path_of(place)));
    }
    remove(place, *status);  // a file of the lower layers gives way
    return enter_lower(place, missing);
}

/// A directory that the layer does not mention looks as it does below.
std::optional<DirectoryId> Unpacker::enter_lower(const Place& place, Missing missing) {
    const auto node = find_lower(place);
    const bool is_inherited = node && S_ISDIR(node->status.st_mode);
    if (!is_inherited && missing == Missing::give_up) {
        return std::nullopt;
    }
    const auto metadata = is_inherited ? metadata_of(node->status) : DirectoryMetadata{};
    const bool has_xattrs = is_inherited && !sys::listxattrat(node->parent, node->name).empty();
    const DirectoryId id = make_directory(place);
    auto& record = tree_.directory(id);
    record.metadata = metadata;
    record.wants_lower_xattrs = has_xattrs;
    return id;
}

DirectoryId Unpacker::make_directory(const Place& place) {
    if (tree_.size() >= options_.limits.max_directories ||
        tree_.name_bytes() > kMaxDirectoryNameBytes) {
        throw Error(ErrorKind::corrupt, "layer has too many directories");
    }
    if (tree_.directory(place.parent).depth >= kMaxDepth) {
        throw Error(ErrorKind::corrupt, "more than {} directories in each other", kMaxDepth);
    }
    constexpr mode_t kMode = 0755;
    const int result = sys::raw::mkdirat(parent_of(place)->fd(), place.name.c_str(), kMode);
    if (result < 0) {
        throw SysError(-result, "mkdir");
    }
    ++made_;
    const DirectoryId id = tree_.add_directory(place.parent, place.name);
    // Most directories have this mode in the end: they need no chmod.
    if (tree_.find(place.parent, place.name).is_whited_out) {
        make_opaque(id);
    }
    tree_.directory(id).made_mode = has_own_umask_ ? kMode : DirectoryRecord::kUnknownMode;
    return id;
}

/// A directory that is there without this layer's doing (merged).
DirectoryId Unpacker::adopt_directory(const Place& place, const struct ::stat& status) {
    const DirectoryId id = tree_.add_directory(place.parent, place.name);
    auto& record = tree_.directory(id);
    record.is_adopted = true;
    record.made_mode = static_cast<uint16_t>(status.st_mode & 07777);
    record.metadata = metadata_of(status);
    return id;
}

std::optional<struct ::stat> Unpacker::status_of(const Place& place) {
    return sys::fstatat_if_exists(parent_of(place)->fd(), place.name);
}

std::optional<LowerLayers::Node> Unpacker::find_lower(const Place& place) {
    if (!has_lower() || tree_.is_hidden(place.parent, place.name)) {
        return std::nullopt;
    }
    return lower_.find(tree_.path(place.parent), place.name);
}

std::string Unpacker::path_of(const Place& place) const {
    std::string path = tree_.path(place.parent);
    if (!path.empty()) {
        path += '/';
    }
    return path + place.name;
}

/// After a removal: what a path led to may have changed.
void Unpacker::forget_paths() noexcept {
    last_parent_.reset();
}

}  // namespace nau::storage
