#pragma once

// sd_notify(3) on behalf of a container. Its own words reach the service manager through the
// monitor, since the manager asks which process sends, and no process of a container is known to
// it:
//
//   container ── /run/notify/notify.sock ──▶ monitor ── NOTIFY_SOCKET of the starter ──▶ manager

#include <filesystem>
#include <string>
#include <string_view>

#include "sys/event_loop.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

/// Who tells the service manager that the container is ready.
enum class NotifyMode {
    ignore,     ///< nobody: NOTIFY_SOCKET of the starter is not for it
    container,  ///< the program in the container
    started,    ///< the starter, as soon as the container runs ("conmon")
    healthy,    ///< the monitor, when the health check has succeeded
};

/// ignore, container, conmon, healthy: podman's words.
std::string_view to_string(NotifyMode mode) noexcept;
/// @throws Error{invalid}
NotifyMode parse_notify_mode(std::string_view word);

/// Lines of a container's message that may go to the manager, joined: how it is. Never which
/// process is the main one, who may notify, and descriptors to keep: these are the host's.
std::string allowed_notification(std::string_view message);

/// The socket that the container writes to.
class NotifyProxy {
  public:
    /// @param manager borrowed. @throws SysError
    NotifyProxy(sys::EventLoop& loop, const std::filesystem::path& path, int manager);
    ~NotifyProxy();
    NotifyProxy(const NotifyProxy&) = delete;
    NotifyProxy& operator=(const NotifyProxy&) = delete;
    NotifyProxy(NotifyProxy&&) = delete;
    NotifyProxy& operator=(NotifyProxy&&) = delete;

    /// What has arrived and was not yet passed on.
    void pass_on();

  private:
    sys::EventLoop& loop_;
    sys::UniqueFd socket_;
    int manager_;
};

}  // namespace nau::monitor
