#pragma once

// An archive from wherever it comes, as members that can be found by name. A tar on disk is used
// where it lies; one that is compressed, or comes through a pipe, is first written, decompressed,
// into a file without name in the graph root. Internal to the engine.

#include <memory>
#include <stop_token>
#include <string>

#include "oci/layout/members.h"

namespace nau::engine {

class Engine;

/// @param path a file or a directory; "-": standard input
/// @throws Error{corrupt}, {unsupported}; SysError
std::shared_ptr<oci::Members> open_archive(Engine& engine,
                                           const std::string& path,
                                           const std::stop_token& stop);

}  // namespace nau::engine
