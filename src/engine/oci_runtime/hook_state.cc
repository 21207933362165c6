#include "engine/oci_runtime/hook_state.h"

#include <csignal>

#include "base/error.h"
#include "engine/oci_runtime/status.h"
#include "sys/process.h"

namespace nau::engine::oci_runtime {

runtime::ContainerState hook_state(const ContainerState& state, std::string status) {
    const bool has_process = status != "stopped";
    return {.id = state.id,
            .status = std::move(status),
            .pid = has_process ? state.init.pid : 0,
            .bundle = state.bundle,
            .annotations = state.annotations};
}

void run_poststart_hooks(const oci::RuntimeSpec& spec, const ContainerState& state) {
    if (spec.hooks.poststart.empty()) {
        return;
    }
    try {
        runtime::run_hooks(spec.hooks.poststart, "poststart", hook_state(state, "running"));
    } catch (const Error&) {
        if (const auto init = find_init(state)) {
            (void)sys::send_signal(init->get(), SIGKILL);
        }
        throw;
    }
}

}  // namespace nau::engine::oci_runtime
