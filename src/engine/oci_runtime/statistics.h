#pragma once

// events: figures of a container's groups in the shape that runc prints, and its ends by the OOM
// killer.

#include <chrono>
#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace nau::engine::oci_runtime {

/// {"type": "stats", "id": …, "data": {…}}. @throws Error{not_found, invalid}
nlohmann::json read_statistics(const std::string& root, const std::string& id);

/// Calls `tell` with the figures every `interval`, and with {"type": "oom"} when it happens, until
/// the container ends.
void follow_events(const std::string& root,
                   const std::string& id,
                   std::chrono::nanoseconds interval,
                   const std::function<void(const nlohmann::json&)>& tell);

}  // namespace nau::engine::oci_runtime
