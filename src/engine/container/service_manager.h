#pragma once

#include <string>

namespace nau::engine {

/// What a service manager such as systemd gave to the command that starts a container:
/// sd_notify(3), sd_listen_fds(3).
struct ServiceManager {
    std::string notify_socket;    ///< NOTIFY_SOCKET; empty: nobody wants to hear
    int listening = 0;            ///< so many descriptors from 3 are for the service (LISTEN_FDS)
    std::string listening_names;  ///< LISTEN_FDNAMES
    std::string notify_mode;      ///< instead of the container's own; empty: that
};

}  // namespace nau::engine
