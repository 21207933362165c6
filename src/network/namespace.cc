#include "network/namespace.h"

#include <cerrno>
#include <exception>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "network/sysctl.h"
#include "sys/namespace.h"

namespace nau::network {

namespace {

/// A thread of its own: a failure to come back from the namespace must not matter.
void run_in_thread(const std::function<void()>& action) {
    std::exception_ptr failure;
    {
        const std::jthread thread([&] {
            try {
                action();
            } catch (...) {
                failure = std::current_exception();
            }
        });
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

/// For interfaces that come later; the loopback device keeps its ::1.
void set_defaults(bool has_ipv6) {
    write_sysctl_if_exists("net/ipv6/conf/default/accept_ra", "0");
    write_sysctl_if_exists("net/ipv6/conf/default/disable_ipv6", has_ipv6 ? "0" : "1");
}

}  // namespace

void run_in_namespace(int namespace_fd, const std::function<void()>& action) {
    run_in_thread([&] {
        sys::setns(namespace_fd, CLONE_NEWNET);
        action();
    });
}

ContainerNamespace ContainerNamespace::make(bool has_ipv6) {
    std::optional<ContainerNamespace> made;
    run_in_thread([&] {
        sys::unshare(CLONE_NEWNET);
        set_defaults(has_ipv6);
        made.emplace(ContainerNamespace(sys::open_own_namespace(sys::NamespaceKind::network),
                                        NetlinkSocket(NETLINK_ROUTE)));
    });
    return *std::move(made);
}

ContainerNamespace ContainerNamespace::enter(sys::UniqueFd namespace_fd, bool has_ipv6) {
    std::optional<NetlinkSocket> socket;
    run_in_namespace(namespace_fd.get(), [&] {
        set_defaults(has_ipv6);
        socket.emplace(NETLINK_ROUTE);
    });
    return {std::move(namespace_fd), *std::move(socket)};
}

}  // namespace nau::network
