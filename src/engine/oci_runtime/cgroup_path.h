#pragma once

// Where a container's control groups are, from the spec's linux.cgroupsPath.
//
//   cgroupfs   "/a/b" as it is; "a/b" below /nau-runtime; nothing: /nau-runtime/<id>
//   systemd    "slice:prefix:name": the unit prefix-name.scope in that slice

#include <string>
#include <string_view>

#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"

namespace nau::engine::oci_runtime {

struct CgroupPlace {
    std::string path;           ///< for open_cgroup(); empty: none at all
    std::string systemd_scope;  ///< "slice:prefix:name", when systemd is to make it
};

/// @throws Error{invalid} for a path that leaves its place; Error{unsupported} when limits are
/// asked for and this machine has no control groups
CgroupPlace choose_cgroup(const oci::RuntimeSpec& spec,
                          const std::string& id,
                          const runtime::cgroup::Layout& layout,
                          bool by_systemd);

/// "/a//b/./c/" as "/a/b/c"; ".." never leaves the root.
std::string clean_cgroup_path(std::string_view path);

}  // namespace nau::engine::oci_runtime
