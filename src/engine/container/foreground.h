#pragma once

// What run, start -a, attach and exec share: the user's terminal or pipes beside a running task.
// Internal to the engine.

#include "engine/container/run_container.h"
#include "monitor/client.h"

namespace nau::engine {

monitor::AttachOptions to_attach_options(const AttachOptions& options,
                                         bool has_terminal,
                                         bool acknowledges_exit);

ExitStatus to_exit_status(const monitor::AttachResult& result);

}  // namespace nau::engine
