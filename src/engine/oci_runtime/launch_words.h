#pragma once

// A failed start in the words that engines look for in a runtime's message. podman and docker make
// exit status 127 of "executable file not found" and "no such file or directory", 126 of
// "permission denied"; both are Go's words, which runc passes through.

#include <string>

#include "oci/runtime_spec.h"
#include "runtime/launch.h"

namespace nau::engine::oci_runtime {

/// "unable to start container process: exec: "x": executable file not found in $PATH"
std::string launch_words(const runtime::LaunchError& error, const oci::spec::Process& process);

/// Runs `start`; a LaunchError leaves it as an Error of the same kind with those words.
template <typename Start>
runtime::LaunchedTask in_engine_words(const oci::spec::Process& process, Start&& start) {
    try {
        return std::forward<Start>(start)();
    } catch (const runtime::LaunchError& error) {
        throw Error(error.kind(), "{}", launch_words(error, process));
    }
}

}  // namespace nau::engine::oci_runtime
