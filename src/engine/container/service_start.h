#pragma once

// What the service manager of a start hears, and what of its gifts reaches the container.

#include <filesystem>
#include <string>
#include <vector>

#include "engine/container/service_manager.h"
#include "monitor/client.h"
#include "monitor/notify.h"
#include "sys/unique_fd.h"

namespace nau::oci {
struct RuntimeSpec;
}

namespace nau::engine {

struct ContainerConfig;

/// One start under a service manager. Without one it does nothing.
class ServiceStart {
  public:
    /// Borrows both. @throws Error when the manager's socket cannot be reached
    ServiceStart(const ServiceManager& manager,
                 const ContainerConfig& config,
                 std::filesystem::path run_dir);

    bool changes_spec() const noexcept;
    /// Mounts the socket for notifications, and sets the variables of both protocols.
    void complete(oci::RuntimeSpec& spec) const;
    /// `preserved`, or the descriptors of the manager where these are more.
    std::vector<int> descriptors(std::vector<int> preserved) const;
    /// Makes the directory of the socket. @throws SysError
    void configure(monitor::MonitorConfig& config, monitor::StartFds& fds) const;
    /// The monitor is the service's main process from now on.
    void tell_started(pid_t monitor) const noexcept;
    /// It ran already, and nobody else will say that it is ready.
    void tell_running(pid_t monitor) const noexcept;

  private:
    void tell(pid_t monitor, bool is_ready) const noexcept;
    std::filesystem::path socket_directory() const { return run_dir_ / "notify"; }

    const ServiceManager& manager_;
    const ContainerConfig& config_;
    std::filesystem::path run_dir_;
    monitor::NotifyMode mode_ = monitor::NotifyMode::ignore;
    sys::UniqueFd socket_;
};

}  // namespace nau::engine
