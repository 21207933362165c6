#include "engine/oci_runtime/launch_words.h"

#include <cerrno>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine::oci_runtime {

namespace {

using runtime::Step;

std::string exec_words(int error, const std::string& command) {
    const bool is_path = command.find('/') != std::string::npos;
    if (error == ENOENT && !is_path) {
        return fmt::format("exec: \"{}\": executable file not found in $PATH", command);
    }
    if (error == ENOENT || error == ENOTDIR) {
        return fmt::format("exec: \"{0}\": stat {0}: {1}", command, to_lower(errno_text(error)));
    }
    return fmt::format("exec: \"{}\": {}", command, to_lower(errno_text(error)));
}

}  // namespace

std::string launch_words(const runtime::LaunchError& error, const oci::spec::Process& process) {
    std::string words;
    switch (error.step()) {
        case Step::find_command:
        case Step::exec:
            words = exec_words(error.error(), process.args.empty() ? "" : process.args.front());
            break;
        case Step::working_directory:
            words = fmt::format("chdir to cwd (\"{}\") set in config.json failed: {}",
                                process.cwd,
                                to_lower(errno_text(error.error())));
            break;
        default:
            words = error.text();
            break;
    }
    return fmt::format("unable to start container process: {}", words);
}

}  // namespace nau::engine::oci_runtime
