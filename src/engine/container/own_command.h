#pragma once

// nau calling itself: with the same state directory and namespace, detached, without the caller's
// terminal.

#include <string>
#include <vector>

namespace nau::engine {

class Engine;

/// The command line of `nau <words>` on this engine's state; argv[0] is "nau".
std::vector<std::string> own_command_line(const Engine& engine, std::vector<std::string> words);

/// Starts it in a session of its own and does not wait. @throws SysError
void spawn_own_command(const Engine& engine, std::vector<std::string> words);

}  // namespace nau::engine
