#pragma once

// A container's network namespace before the container is there: made by a thread of the calling
// process, held by a descriptor, configured through a netlink socket that belongs to it. It lives
// as long as somebody holds it: the monitor, so that a restart by it finds everything in place, and
// the container's processes. When the last of them is gone the kernel takes its interfaces down,
// both ends of each pair.

#include <functional>
#include <optional>

#include "network/netlink.h"
#include "sys/unique_fd.h"

namespace nau::network {

/// Runs `action` in a thread that has entered the namespace; what it throws is thrown here.
void run_in_namespace(int namespace_fd, const std::function<void()>& action);

class ContainerNamespace {
  public:
    /// @param has_ipv6 otherwise interfaces get no IPv6 at all. Nowhere are router advertisements
    /// listened to: a neighbour could send them (CVE-2020-13401). @throws SysError
    static ContainerNamespace make(bool has_ipv6);
    /// An existing one. @throws SysError
    static ContainerNamespace enter(sys::UniqueFd namespace_fd, bool has_ipv6);

    int fd() const noexcept { return fd_.get(); }
    NetlinkSocket& netlink() noexcept { return netlink_; }
    sys::UniqueFd take_fd() noexcept { return std::move(fd_); }

  private:
    ContainerNamespace(sys::UniqueFd fd, NetlinkSocket netlink)
        : fd_(std::move(fd)), netlink_(std::move(netlink)) {}

    sys::UniqueFd fd_;
    NetlinkSocket netlink_;
};

}  // namespace nau::network
