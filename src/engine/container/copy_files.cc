#include "engine/container/copy_files.h"

#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/container_tree.h"
#include "engine/container/containers.h"
#include "engine/container/copy_stream.h"
#include "engine/container/copy_target.h"
#include "engine/engine.h"
#include "sys/file.h"
#include "sys/file_identity.h"
#include "sys/terminal.h"

namespace nau::engine {

namespace {

constexpr int kMaxDepth = 256;

/// The containers of both sides by id: one of them if it is the same, and locked in the order of
/// ids.
using Trees = std::map<std::string, ContainerTree>;

Trees open_trees(Engine& engine, const CopyPlace& source, const CopyPlace& target) {
    std::set<std::string> ids;
    for (const auto* place : {&source, &target}) {
        if (place->container) {
            ids.insert(find_container_id(engine, *place->container));
        }
    }
    Trees trees;
    for (const auto& id : ids) {
        trees.emplace(id, open_container_tree(engine, id));
    }
    return trees;
}

/// A side of the copy: the root that its path is resolved in.
struct Side {
    const ContainerTree* container = nullptr;
    sys::DirFd root;
    std::string path;                ///< absolute in `root`, without a final slash unless it is "/"
    bool names_contents = false;     ///< "/." at the end
    bool must_be_directory = false;  ///< "/" or "/." at the end
};

Side open_side(Engine& engine, const CopyPlace& place, const Trees& trees) {
    const ContainerTree* container =
        place.container ? &trees.at(find_container_id(engine, *place.container)) : nullptr;
    Side side{
        .container = container,
        .root = container != nullptr ? container->root.duplicate() : sys::DirFd::open_root("/"),
        .path = {}};
    std::string path = place.path;
    if (!path.starts_with('/')) {
        const std::string base =
            container != nullptr ? "" : std::filesystem::current_path().string();
        path = fmt::format("{}/{}", base, path);
    }
    side.names_contents = path.ends_with("/.");
    side.must_be_directory = side.names_contents || path.ends_with('/');
    // "." and empty parts go; ".." has to stay, since links before it decide where it leads.
    std::string clean;
    for (const auto part : split(path, '/')) {
        if (!part.empty() && part != ".") {
            clean += fmt::format("/{}", part);
        }
    }
    side.path = clean.empty() ? "/" : clean;
    side.names_contents = side.names_contents || side.path == "/";
    return side;
}

sys::DirFd::Parent parent_of(const Side& side, const std::string& path, const std::string& shown) {
    try {
        return side.root.parent_in_root(path);
    } catch (const SysError& error) {
        if (error.error() == ENOENT || error.error() == ENOTDIR) {
            throw Error(ErrorKind::not_found, "the directory of '{}' does not exist", shown);
        }
        throw;
    }
}

/// Where a path leads if its last component is a link: the directory and the name in it, which is
/// no link, and need not exist. @throws Error{not_found} when the directory does not exist
sys::DirFd::Parent resolve_last(const Side& side, const std::string& shown) {
    constexpr int kMaxLinks = 40;
    std::string path = side.path;
    for (int i = 0; i < kMaxLinks; ++i) {
        auto parent = parent_of(side, path, shown);
        const auto status = sys::fstatat_if_exists(parent.fd.get(), parent.name);
        if (!status || !S_ISLNK(status->st_mode)) {
            return parent;
        }
        const std::string link = sys::readlinkat(parent.fd.get(), parent.name);
        path = link.starts_with('/') ? link : path.substr(0, path.rfind('/') + 1) + link;
    }
    throw Error(ErrorKind::invalid, "'{}' leads through too many links", shown);
}

/// What is to be copied: a name in a directory.
struct Source {
    sys::UniqueFd directory;
    std::string name;
    struct ::stat status = {};
};

Source find_source(const Side& side, const CopyPlace& place, const CopyOptions& options) {
    if (options.follows_link || side.must_be_directory || side.path == "/") {
        // Opened where it leads to; "." in it is the directory itself.
        auto found = side.root.find_in_root(side.path, O_PATH);
        if (!found) {
            throw Error(ErrorKind::not_found, "'{}' does not exist", place.path);
        }
        const auto status = sys::fstat(found->get());
        if (S_ISDIR(status.st_mode)) {
            return {.directory = *std::move(found), .name = ".", .status = status};
        }
        if (side.must_be_directory) {
            throw Error(ErrorKind::invalid, "'{}' is no directory", place.path);
        }
    }
    auto parent = options.follows_link ? resolve_last(side, place.path)
                                       : parent_of(side, side.path, place.path);
    const auto status = sys::fstatat_if_exists(parent.fd.get(), parent.name);
    if (!status) {
        throw Error(ErrorKind::not_found, "'{}' does not exist", place.path);
    }
    return {.directory = std::move(parent.fd), .name = parent.name, .status = *status};
}

std::string base_name(const Side& side) {
    return side.path == "/" ? "." : side.path.substr(side.path.rfind('/') + 1);
}

// --- tree to tree

CopyItem describe(int directory, const std::string& name, const struct ::stat& status) {
    return {.mode = status.st_mode,
            .uid = status.st_uid,
            .gid = status.st_gid,
            .modified = status.st_mtim,
            .link_target = S_ISLNK(status.st_mode) ? sys::readlinkat(directory, name) : ""};
}

/// File capabilities and attributes of users; what belongs to file systems and to labels stays.
void copy_attributes(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    for (const auto& attribute : sys::listxattrat(from_dir, from)) {
        if (!attribute.starts_with("user.") && attribute != "security.capability") {
            continue;
        }
        if (const auto value = sys::getxattrat(from_dir, from, attribute)) {
            try {
                sys::setxattrat(to_dir, to, attribute, *value);
            } catch (const SysError& error) {
                if (error.error() != EOPNOTSUPP && error.error() != EPERM) {
                    throw;
                }
            }
        }
    }
}

void copy_contents(int from, int to, const CopyRules& rules, int depth);

void copy_item(int from_dir,
               const std::string& from,
               int to_dir,
               const std::string& to,
               const CopyRules& rules,
               int depth) {
    const auto status = sys::fstatat_if_exists(from_dir, from);
    if (!status) {
        return;
    }
    const CopyItem item = describe(from_dir, from, *status);
    const auto made = make_item(to_dir, to, item, rules);
    if (S_ISDIR(item.mode)) {
        const sys::UniqueFd inner = sys::openat(from_dir, from, O_RDONLY | O_DIRECTORY);
        copy_contents(inner.get(), made->get(), rules, depth + 1);
    } else if (S_ISREG(item.mode)) {
        // O_NONBLOCK: it may have become a FIFO since it was looked at.
        const sys::UniqueFd file = sys::openat(from_dir, from, O_RDONLY | O_NONBLOCK);
        (void)sys::copy_data(file.get(), made->get(), std::numeric_limits<int64_t>::max());
    } else if (!S_ISLNK(item.mode) && !S_ISFIFO(item.mode)) {
        return;
    }
    finish_item(to_dir, to, item, rules);
    if (S_ISDIR(item.mode) || S_ISREG(item.mode)) {
        copy_attributes(from_dir, from, to_dir, to);
    }
}

void copy_contents(int from, int to, const CopyRules& rules, int depth) {
    if (depth > kMaxDepth) {
        throw Error(ErrorKind::invalid, "directories are nested more than {} deep", kMaxDepth);
    }
    for (const auto& entry : sys::list_directory(from)) {
        doing([&] { return entry.name; },
              [&] { copy_item(from, entry.name, to, entry.name, rules, depth); });
    }
}

sys::UniqueFd readable(int directory, const std::string& name) {
    return sys::openat(directory, name, O_RDONLY | O_DIRECTORY);
}

void copy_tree_to_tree(const Side& from,
                       const Source& source,
                       const Side& to,
                       const CopyPlace& target,
                       const CopyRules& rules) {
    const bool is_directory = S_ISDIR(source.status.st_mode);
    if (const auto existing = to.root.stat_in_root(to.path)) {
        if (S_ISDIR(existing->st_mode)) {
            const sys::UniqueFd into = to.root.open_in_root(to.path, O_RDONLY | O_DIRECTORY);
            if (is_directory && from.names_contents) {
                copy_contents(
                    readable(source.directory.get(), source.name).get(), into.get(), rules, 0);
                return;
            }
            copy_item(source.directory.get(), source.name, into.get(), base_name(from), rules, 0);
            return;
        }
        if (to.must_be_directory) {
            throw Error(ErrorKind::invalid, "'{}' is no directory", target.path);
        }
        if (is_directory && !rules.overwrites) {
            throw Error(ErrorKind::invalid,
                        "a directory cannot be copied to '{}', which is a file",
                        target.path)
                .with_hint("--overwrite allows it");
        }
    } else if (!is_directory && to.must_be_directory) {
        throw Error(ErrorKind::not_found, "the directory '{}' does not exist", target.path);
    }
    // A link at the end is written through, as docker does.
    const auto parent = resolve_last(to, target.path);
    copy_item(source.directory.get(), source.name, parent.fd.get(), parent.name, rules, 0);
}

std::optional<Owner> owner_in(const Side& side, const CopyOptions& options) {
    if (!options.changes_owner) {
        return std::nullopt;
    }
    if (side.container == nullptr) {
        return Owner{.uid = ::geteuid(), .gid = ::getegid()};
    }
    const auto user = user_of(*side.container);
    return Owner{.uid = user.uid, .gid = user.gid};
}

void copy_to_stream(const Side& from, const Source& source) {
    if (sys::is_terminal(STDOUT_FILENO)) {
        throw Error(ErrorKind::invalid, "a tar is not for a terminal")
            .with_hint("redirect the output into a file or a pipe");
    }
    write_tar_of(source.directory.get(),
                 source.name,
                 from.names_contents ? "." : base_name(from),
                 STDOUT_FILENO);
}

void copy_from_stream(const Side& to, const CopyPlace& target, const CopyRules& rules) {
    const auto status = to.root.stat_in_root(to.path);
    if (!status || !S_ISDIR(status->st_mode)) {
        throw Error(ErrorKind::invalid,
                    "a tar is unpacked into a directory, and '{}' {}",
                    target.path,
                    status ? "is none" : "does not exist");
    }
    if (sys::is_terminal(STDIN_FILENO)) {
        throw Error(ErrorKind::invalid, "a tar cannot be read from a terminal");
    }
    unpack_tar(STDIN_FILENO, to.root, to.path, rules);
}

}  // namespace

CopyPlace parse_copy_place(std::string_view text) {
    if (text.empty()) {
        throw Error(ErrorKind::invalid, "a path is empty");
    }
    if (text == "-") {
        return {.container = {}, .path = {}, .is_stream = true};
    }
    const size_t colon = text.find(':');
    if (colon == text.npos || text.front() == '/' || text.front() == '.') {
        return {.container = {}, .path = std::string(text)};
    }
    if (colon == 0) {
        throw Error(ErrorKind::invalid, "'{}' names no container before the colon", text);
    }
    CopyPlace place{.container = std::string(text.substr(0, colon)),
                    .path = std::string(text.substr(colon + 1))};
    if (place.path.empty()) {
        throw Error(ErrorKind::invalid, "'{}' names no path behind the colon", text);
    }
    return place;
}

void copy_files(Engine& engine,
                const CopyPlace& source,
                const CopyPlace& target,
                const CopyOptions& options) {
    if (!source.container && !target.container) {
        throw Error(ErrorKind::invalid, "neither side is in a container")
            .with_hint("one of them is CONTAINER:PATH");
    }
    const Trees trees = open_trees(engine, source, target);
    std::optional<Side> from;
    if (!source.is_stream) {
        from = open_side(engine, source, trees);
    }
    std::optional<Source> found;
    if (from) {
        found = find_source(*from, source, options);
    }
    if (target.is_stream) {
        copy_to_stream(*from, *found);
        return;
    }
    const Side to = open_side(engine, target, trees);
    CopyRules rules{.owner = owner_in(to, options), .overwrites = options.overwrites};
    std::optional<sys::FileIdentity> identity;
    if (to.container != nullptr && !to.container->uids.empty()) {
        rules.uids = to.container->uids;
        rules.gids = to.container->gids;
        identity.emplace(map_id(rules.uids, 0).value_or(0), map_id(rules.gids, 0).value_or(0));
    }
    doing("copying", [&] {
        if (source.is_stream) {
            copy_from_stream(to, target, rules);
        } else {
            copy_tree_to_tree(*from, *found, to, target, rules);
        }
    });
}

}  // namespace nau::engine
