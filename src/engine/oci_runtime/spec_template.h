#pragma once

// spec: a config.json to begin with.

#include <string>

namespace nau::engine::oci_runtime {

enum class Rootless { no, yes };

/// A shell in a read-only root, with runc's choice of namespaces, mounts and capabilities.
/// Rootless: in a user namespace that maps the caller to root, and without limits.
std::string spec_template(Rootless rootless);

/// @throws SysError(EEXIST) when the bundle has one already
void write_spec_template(const std::string& bundle, Rootless rootless);

}  // namespace nau::engine::oci_runtime
