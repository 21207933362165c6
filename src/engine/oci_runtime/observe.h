#pragma once

// What the command line tells about containers: state, list, ps.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace nau::engine::oci_runtime {

/// The spec's "state" object. @throws Error{not_found}
nlohmann::json query_state(const std::string& root, const std::string& id);

/// Of all containers, by id. What cannot be read is warned about and left out.
std::vector<nlohmann::json> list_containers(const std::string& root);

/// All processes of the container, sorted. @throws Error{not_found}
std::vector<int> list_processes(const std::string& root, const std::string& id);

/// The lines of `ps ARGS` (default -ef) that are about these processes, headings first.
/// @throws Error when there is no such program, or its output has no column PID
std::string run_ps(const std::vector<int>& pids, const std::vector<std::string>& arguments);

/// "root" for 0 …; the number where the host's passwd file has no name.
std::string owner_name(uint32_t uid);

}  // namespace nau::engine::oci_runtime
