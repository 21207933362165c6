#pragma once

// Who runs: "user[:group]" looked up in the container's own /etc/passwd and /etc/group. These files
// come with the image and are hostile: they are read through the root's DirFd, only if they are
// regular files and of sane size; NSS is never asked.
//
//   - A word of digits only is always a number, never looked up as a name, and a number above
//     2^31 - 1 is an error, whatever the files say (CVE-2026-46680, CVE-2016-3697, CVE-2024-40635).
//   - A number without a passwd entry is fine: group 0 and home "/".
//   - A name without an entry is an error.
//   - Supplementary groups are those of the user's *name* in /etc/group; none when a group was
//     given, as docker and podman do. The primary group is always among the ids (CVE-2022-36109).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/dir_fd.h"

namespace nau::runtime {

struct ResolvedUser {
    uint32_t uid = 0;
    uint32_t gid = 0;
    /// Without duplicates, the primary group first.
    std::vector<uint32_t> additional_gids;
    std::string name;  ///< empty when there is no passwd entry
    std::string home = "/";
};

/// `user_spec`: "", "user", "uid", "user:group", "uid:gid", "user:gid", "uid:group", ":group".
/// "" is root. @throws Error{invalid} for a malformed word or file, Error{not_found} naming the
/// user or group that the container does not have
ResolvedUser resolve_user(const sys::DirFd& rootfs, std::string_view user_spec);

/// The id of a group word (a name or a number) for --group-add and the like.
uint32_t resolve_group(const sys::DirFd& rootfs, std::string_view group);

/// The same on the texts of the two files; what resolve_user() is made of.
ResolvedUser resolve_user_in(std::string_view passwd_text,
                             std::string_view group_text,
                             std::string_view user_spec);

}  // namespace nau::runtime
