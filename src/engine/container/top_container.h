#pragma once

// `nau top`: the processes of a running container, read from procfs by nau itself. What is shown is
// chosen by descriptors, podman's words for columns.

#include <string>
#include <vector>

namespace nau::engine {

class Engine;

struct ProcessTable {
    std::vector<std::string> headings;
    std::vector<std::vector<std::string>> rows;  ///< as many cells as headings
};

/// The words that `descriptors` may hold, in alphabetical order.
std::vector<std::string> top_descriptors();

/// @param words descriptors ("pid", "user,args"), or options of ps(1): "-ef", "aux", "-o LIST",
/// "-eo LIST". Empty: podman's default columns.
/// @throws Error{invalid} for a container that does not run and for unknown words
ProcessTable top_container(Engine& engine,
                           const std::string& name_or_id,
                           const std::vector<std::string>& words);

}  // namespace nau::engine
