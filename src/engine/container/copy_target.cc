#include "engine/container/copy_target.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// A file that something is mounted on cannot be replaced, but its content can.
std::optional<sys::UniqueFd> make_room(int directory,
                                       const std::string& name,
                                       const CopyItem& item) {
    try {
        sys::unlinkat(directory, name);
    } catch (const SysError& error) {
        if (error.error() != EBUSY || !S_ISREG(item.mode)) {
            throw;
        }
        return sys::openat(directory, name, O_WRONLY | O_TRUNC | O_NONBLOCK);
    }
    return std::nullopt;
}

void check_replacement(int directory,
                       const std::string& name,
                       const struct ::stat& existing,
                       const CopyItem& item,
                       const CopyRules& rules) {
    const bool was_directory = S_ISDIR(existing.st_mode);
    if (was_directory == S_ISDIR(item.mode)) {
        return;
    }
    if (!rules.overwrites) {
        throw Error(ErrorKind::invalid,
                    "'{}' is {}",
                    name,
                    was_directory ? "a directory, and a file would replace it"
                                  : "no directory, and a directory would replace it")
            .with_hint("--overwrite allows it");
    }
    sys::remove_tree(directory, name);
}

}  // namespace

std::optional<sys::UniqueFd> make_item(int directory,
                                       const std::string& name,
                                       const CopyItem& item,
                                       const CopyRules& rules) {
    if (S_ISCHR(item.mode) || S_ISBLK(item.mode) || S_ISSOCK(item.mode)) {
        NAU_LOG_WARN("'{}' is a device or a socket and is not copied", name);
        return std::nullopt;
    }
    if (const auto existing = sys::fstatat_if_exists(directory, name)) {
        check_replacement(directory, name, *existing, item, rules);
        if (!S_ISDIR(item.mode) && sys::fstatat_if_exists(directory, name)) {
            if (auto kept = make_room(directory, name, item)) {
                return kept;
            }
        }
    }
    if (S_ISDIR(item.mode)) {
        (void)sys::mkdirat(directory, name, 0700);
        return sys::openat(directory, name, O_RDONLY | O_DIRECTORY);
    }
    if (S_ISREG(item.mode)) {
        return sys::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    }
    if (S_ISLNK(item.mode)) {
        sys::symlinkat(item.link_target, directory, name);
    } else {
        sys::mknodat(directory, name, S_IFIFO | 0600U, 0);
    }
    return std::nullopt;
}

static uint32_t outer_id(const IdMappings& mappings, uint32_t id, const char* kind) {
    const auto outside = mappings.empty() ? std::optional(id) : map_id(mappings, id);
    if (!outside) {
        throw Error(ErrorKind::invalid, "the container has no {} {}", kind, id)
            .with_hint("its user namespace has fewer ids");
    }
    return *outside;
}

void finish_item(int directory,
                 const std::string& name,
                 const CopyItem& item,
                 const CopyRules& rules) {
    const Owner owner = rules.owner.value_or(Owner{.uid = item.uid, .gid = item.gid});
    // Owner first: chown clears setuid bits and capabilities.
    sys::fchownat(directory,
                  name,
                  outer_id(rules.uids, owner.uid, "user"),
                  outer_id(rules.gids, owner.gid, "group"));
    if (!S_ISLNK(item.mode)) {
        sys::fchmodat(directory, name, item.mode & 07777U);
    }
    sys::utimensat(directory, name, item.modified, item.modified);
}

}  // namespace nau::engine
