#include "engine/container/foreground.h"

#include <csignal>
#include <unistd.h>

#include "base/error.h"

namespace nau::engine {

monitor::AttachOptions to_attach_options(const AttachOptions& options,
                                         bool has_terminal,
                                         bool acknowledges_exit) {
    monitor::AttachOptions attach;
    attach.input = options.has_stdin ? STDIN_FILENO : -1;
    attach.output = options.has_stdout ? STDOUT_FILENO : -1;
    attach.error_output = options.has_stderr ? STDERR_FILENO : -1;
    attach.terminal = has_terminal;
    attach.detach_keys = monitor::DetachKeys::parse(has_terminal ? options.detach_keys : "");
    attach.forward_signals = options.forwards_signals;
    attach.acknowledge_exit = acknowledges_exit;
    return attach;
}

ExitStatus to_exit_status(const monitor::AttachResult& result) {
    using End = monitor::AttachResult::End;
    switch (result.end) {
        case End::exited:
            return {.code = result.exit ? result.exit->exit_code : std::nullopt,
                    .signal = result.exit ? result.exit->signal : 0,
                    .was_oom_killed = result.exit && result.exit->oom_killed};
        case End::detached:
            return {.was_detached = true};
        case End::output_closed:
            return {.code = 128 + SIGPIPE, .signal = SIGPIPE};
        case End::interrupted:
            return {.code = 128 + result.signal, .signal = result.signal};
        case End::lagged:
            throw Error(ErrorKind::unavailable,
                        "the output was read too slowly, so the container goes on without us")
                .with_hint("'nau attach' connects again, 'nau logs' has the whole output");
        case End::monitor_lost:
            return {};
    }
    return {};
}

}  // namespace nau::engine
