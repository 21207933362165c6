#include "runtime/seccomp_listener.h"

#include <sys/socket.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "oci/runtime_spec.h"
#include "sys/pipe.h"

namespace nau::runtime {

void send_seccomp_listener(const SeccompFilter& filter,
                           const ContainerState& state,
                           pid_t pid,
                           sys::UniqueFd listener) {
    nlohmann::json message = {{"ociVersion", oci::kRuntimeSpecVersion},
                              {"fds", {"seccompFd"}},
                              {"pid", pid},
                              {"state", json::parse(to_json_text(state), "state")}};
    if (!filter.listener_metadata.empty()) {
        message["metadata"] = filter.listener_metadata;
    }
    doing("linux: seccomp: listenerPath", [&] {
        const sys::UniqueFd agent = sys::connect_unix(filter.listener_path, SOCK_STREAM);
        const int fds[] = {listener.get()};
        sys::send_message(agent.get(), json::to_text(message), fds);
    });
}

}  // namespace nau::runtime
