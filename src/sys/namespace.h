#pragma once

// Namespaces as descriptors. A path that should lead to a namespace is verified after opening: it
// must be a file of nsfs, and of the expected kind, or an image or a user could hand over any other
// file.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "sys/unique_fd.h"

namespace nau::sys {

enum class NamespaceKind { mount, uts, ipc, network, pid, user, cgroup, time };

inline constexpr std::array kAllNamespaceKinds = {NamespaceKind::mount,
                                                  NamespaceKind::uts,
                                                  NamespaceKind::ipc,
                                                  NamespaceKind::network,
                                                  NamespaceKind::pid,
                                                  NamespaceKind::user,
                                                  NamespaceKind::cgroup,
                                                  NamespaceKind::time};

/// CLONE_NEWNS, CLONE_NEWUTS …
int clone_flag(NamespaceKind kind) noexcept;
/// Its name below /proc/<pid>/ns: "mnt", "uts", "ipc", "net" …
const char* proc_name(NamespaceKind kind) noexcept;

/// `flags` of CLONE_NEW*. @throws SysError
void unshare(int flags);
/// `flags`: CLONE_NEW* that must fit, or several with a pidfd. @throws SysError
void setns(int fd, int flags);

/// A bound namespace file or /proc/<pid>/ns/<kind>. @throws SysError; Error{invalid} when it is no
/// namespace of that kind
UniqueFd open_namespace(const std::string& path, NamespaceKind kind);
/// Of a process; the pid must be held by the caller (own child, or checked by its pidfd
/// afterwards).
UniqueFd open_namespace_of(pid_t pid, NamespaceKind kind);
/// Of the calling thread.
UniqueFd open_own_namespace(NamespaceKind kind);
/// @throws Error{invalid} when `fd` is no namespace of that kind
void verify_namespace(int fd, NamespaceKind kind);

/// Equal for two descriptors of the same namespace, as long as one of them is open.
struct NamespaceId {
    uint64_t device = 0;
    uint64_t inode = 0;
    friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};
NamespaceId namespace_id(int fd);

}  // namespace nau::sys
