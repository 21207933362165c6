#pragma once

// `nau export`: the root file system of a container as a tar, without volumes and mounts. Running
// ones are read as they are.

#include <stop_token>
#include <string>

namespace nau::engine {

class Engine;

/// @param output a file, or "-" for standard output
/// @throws Error{not_found}, SysError
void export_container(Engine& engine,
                      const std::string& name_or_id,
                      const std::string& output,
                      std::stop_token stop);

}  // namespace nau::engine
