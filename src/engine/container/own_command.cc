#include "engine/container/own_command.h"

#include "engine/engine.h"
#include "sys/process.h"

namespace nau::engine {

std::vector<std::string> own_command_line(const Engine& engine, std::vector<std::string> words) {
    const EngineOptions& options = engine.options();
    std::vector<std::string> argv = {"nau",
                                     "--root",
                                     options.graph_root,
                                     "--runroot",
                                     options.run_root,
                                     "--namespace",
                                     options.name_space};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

void spawn_own_command(const Engine& engine, std::vector<std::string> words) {
    sys::SpawnOptions spawn;
    spawn.path = "/proc/self/exe";
    spawn.argv = own_command_line(engine, std::move(words));
    spawn.stdin_fd = sys::SpawnOptions::kNull;
    spawn.stdout_fd = sys::SpawnOptions::kNull;
    spawn.stderr_fd = sys::SpawnOptions::kNull;
    spawn.cwd = "/";
    spawn.new_session = true;
    (void)sys::spawn(spawn).detach();
}

}  // namespace nau::engine
