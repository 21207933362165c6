#pragma once

// What this build on this kernel can do, in the structure of the runtime-spec's features.md.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace nau::engine::oci_runtime {

nlohmann::json features();

/// "runc version …" and the lines below it, as containerd and docker read them.
std::string version_text(std::string_view version);

}  // namespace nau::engine::oci_runtime
