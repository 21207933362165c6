#pragma once

// `nau unit`: services of systemd for containers that exist, and for Quadlet's files.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/unit/quadlet.h"

namespace nau::engine {

class Engine;

/// The words by which units call this binary, with those directories and that namespace that are
/// not the defaults.
std::vector<std::string> unit_program(const Engine& engine);

/// The service that starts a container that is there; `restart` is systemd's Restart=, empty:
/// on-failure, or no if the container restarts by itself. @throws Error{not_found}; {invalid} for
/// one of --rm
unit::GeneratedUnit unit_of_container(Engine& engine,
                                      const std::string& name_or_id,
                                      const std::string& restart,
                                      const std::vector<std::string>& program);

/// The service for a file; others that it names are looked for beside it, drop-ins in FILE.d.
/// @throws Error
unit::GeneratedUnit unit_of_file(const std::filesystem::path& file,
                                 const std::vector<std::string>& program);

/// Writes it, durable; the path. @throws Error{already_exists} for a file that nau has not written
std::filesystem::path install_unit(const unit::GeneratedUnit& unit,
                                   const std::filesystem::path& directory,
                                   bool replaces);

struct GenerateResult {
    std::vector<std::string> units;   ///< names of those that were written
    std::vector<std::string> errors;  ///< of the files that were left out
};
/// systemd.generator(7): all files of these directories as services in `target`, with their links.
/// Of two files with the same name the first directory's counts. A wrong file is left out.
GenerateResult generate_units(const std::vector<std::filesystem::path>& directories,
                              const std::filesystem::path& target,
                              const std::vector<std::string>& program);

}  // namespace nau::engine
