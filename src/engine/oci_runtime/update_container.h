#pragma once

// update: other limits for a container that exists.

#include <string>

#include "oci/runtime_spec.h"

namespace nau::engine::oci_runtime {

/// A "resources" object as engines send it, in which 0 and "" mean "not said".
/// @throws Error{corrupt}
oci::spec::Resources parse_update(std::string_view text, std::string_view what);

/// "-" reads standard input. @throws SysError; Error{corrupt}
oci::spec::Resources read_update(const std::string& path);

/// Zeros that mean "not said" become absent.
void drop_unsaid(oci::spec::Resources& resources);

/// @throws Error{not_found, invalid, unsupported}
void update_container(const std::string& root,
                      const std::string& id,
                      const oci::spec::Resources& resources);

}  // namespace nau::engine::oci_runtime
