#include "runtime/net_devices.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <optional>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/scope_exit.h"
#include "sys/namespace.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace raw = sys::raw;

namespace {

/// One request of rtnetlink, built at the end of a buffer.
class Request {
  public:
    Request(uint16_t type, uint16_t flags) : bytes_(sizeof(nlmsghdr), '\0') {
        header().nlmsg_type = type;
        header().nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    }

    template <typename Body>
    void add_body(const Body& body) {
        append(&body, sizeof body);
    }
    void add_attribute(uint16_t type, const void* data, size_t size) {
        const rtattr attribute = {static_cast<unsigned short>(RTA_LENGTH(size)), type};
        append(&attribute, sizeof attribute);
        append(data, size);
    }

    const std::string& bytes() noexcept {
        header().nlmsg_len = static_cast<uint32_t>(bytes_.size());
        return bytes_;
    }

  private:
    nlmsghdr& header() noexcept { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
    void append(const void* data, size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }

    std::string bytes_;
};

struct Answer {
    uint16_t type = 0;
    std::string body;
};

/// A connection to the namespace that the caller is in when it is made.
class Netlink {
  public:
    Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
        if (!socket_) {
            throw SysError(errno, "open a netlink socket");
        }
    }

    /// @throws SysError with the kernel's answer
    std::vector<Answer> ask(Request request, const std::string& what) const {
        const std::string& bytes = request.bytes();
        if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) {
            throw SysError(errno, "{}", what);
        }
        std::vector<Answer> answers;
        std::string buffer(size_t{64} * 1024, '\0');
        for (;;) {
            const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (size < 0) {
                throw SysError(errno, "{}", what);
            }
            if (take(std::string_view(buffer.data(), static_cast<size_t>(size)), answers, what)) {
                return answers;
            }
        }
    }

  private:
    /// Whether the answer is complete.
    static bool take(std::string_view data, std::vector<Answer>& answers, const std::string& what) {
        while (data.size() >= sizeof(nlmsghdr)) {
            nlmsghdr header;
            memcpy(&header, data.data(), sizeof header);
            if (header.nlmsg_len < sizeof header || header.nlmsg_len > data.size()) {
                break;
            }
            const std::string_view body =
                data.substr(sizeof header, header.nlmsg_len - sizeof header);
            if (header.nlmsg_type == NLMSG_DONE) {
                return true;
            }
            if (header.nlmsg_type == NLMSG_ERROR) {
                int error = 0;
                memcpy(&error, body.data(), sizeof error);
                if (error != 0) {
                    throw SysError(-error, "{}", what);
                }
                return true;
            }
            answers.push_back({header.nlmsg_type, std::string(body)});
            data.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), data.size()));
        }
        return false;
    }

    sys::UniqueFd socket_;
};

template <typename Body>
Body body_of(const Answer& answer) {
    Body body = {};
    memcpy(&body, answer.body.data(), std::min(sizeof body, answer.body.size()));
    return body;
}

/// Attributes behind a body, as (type, data).
template <typename Body>
std::vector<std::pair<uint16_t, std::string>> attributes_of(const Answer& answer) {
    std::vector<std::pair<uint16_t, std::string>> attributes;
    std::string_view rest(answer.body);
    rest.remove_prefix(std::min<size_t>(NLMSG_ALIGN(sizeof(Body)), rest.size()));
    while (rest.size() >= sizeof(rtattr)) {
        rtattr header;
        memcpy(&header, rest.data(), sizeof header);
        if (header.rta_len < sizeof header || header.rta_len > rest.size()) {
            break;
        }
        attributes.emplace_back(header.rta_type,
                                rest.substr(sizeof header, header.rta_len - sizeof header));
        rest.remove_prefix(std::min<size_t>(RTA_ALIGN(header.rta_len), rest.size()));
    }
    return attributes;
}

/// Index of a device; nullopt: there is none of that name.
std::optional<int> find_device(const Netlink& netlink, const std::string& name) {
    Request request(RTM_GETLINK, NLM_F_ACK);
    request.add_body(ifinfomsg{});
    request.add_attribute(IFLA_IFNAME, name.c_str(), name.size() + 1);
    try {
        for (const Answer& answer : netlink.ask(std::move(request), name)) {
            if (answer.type == RTM_NEWLINK) {
                return body_of<ifinfomsg>(answer).ifi_index;
            }
        }
    } catch (const SysError& error) {
        if (error.error() != ENODEV) {
            throw;
        }
    }
    return std::nullopt;
}

std::vector<int> list_devices(const Netlink& netlink) {
    Request request(RTM_GETLINK, NLM_F_DUMP);
    request.add_body(ifinfomsg{});
    std::vector<int> indices;
    for (const Answer& answer : netlink.ask(std::move(request), "list the devices")) {
        if (answer.type == RTM_NEWLINK) {
            indices.push_back(body_of<ifinfomsg>(answer).ifi_index);
        }
    }
    return indices;
}

/// Addresses that are to come along: of global scope, and not the kernel's own doing.
std::vector<Answer> global_addresses(const Netlink& netlink, int index) {
    Request request(RTM_GETADDR, NLM_F_DUMP);
    request.add_body(ifaddrmsg{});
    std::vector<Answer> addresses = netlink.ask(std::move(request), "list the addresses");
    std::erase_if(addresses, [&](const Answer& answer) {
        const auto body = body_of<ifaddrmsg>(answer);
        return answer.type != RTM_NEWADDR || static_cast<int>(body.ifa_index) != index ||
               body.ifa_scope != RT_SCOPE_UNIVERSE ||
               (body.ifa_family == AF_INET6 && (body.ifa_flags & IFA_F_PERMANENT) == 0);
    });
    return addresses;
}

struct Device {
    const NetDeviceMove* move = nullptr;
    int index = 0;
    std::vector<Answer> addresses;
};

void move_device(const Netlink& outside, const Device& device, int network_namespace) {
    Request request(RTM_NEWLINK, NLM_F_ACK);
    ifinfomsg body = {};
    body.ifi_index = device.index;
    request.add_body(body);
    request.add_attribute(IFLA_NET_NS_FD, &network_namespace, sizeof network_namespace);
    const std::string& name = device.move->name;
    request.add_attribute(IFLA_IFNAME, name.c_str(), name.size() + 1);
    (void)outside.ask(
        std::move(request),
        fmt::format("linux: netDevices: {}: move it as '{}'", device.move->host_name, name));
}

void add_address(const Netlink& inside, const Device& device, int index, const Answer& address) {
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
    auto body = body_of<ifaddrmsg>(address);
    body.ifa_index = static_cast<unsigned>(index);
    if (body.ifa_family == AF_INET6) {
        // It was unique where it comes from, and is to be there at once.
        body.ifa_flags |= IFA_F_NODAD;
    }
    request.add_body(body);
    for (const auto& [type, data] : attributes_of<ifaddrmsg>(address)) {
        if (type == IFA_ADDRESS || type == IFA_LOCAL || type == IFA_BROADCAST) {
            request.add_attribute(type, data.data(), data.size());
        }
    }
    (void)inside.ask(
        std::move(request),
        fmt::format("linux: netDevices: {}: give its address back", device.move->host_name));
}

void bring_up(const Netlink& inside, const Device& device, int index) {
    Request request(RTM_NEWLINK, NLM_F_ACK);
    ifinfomsg body = {};
    body.ifi_index = index;
    body.ifi_flags = IFF_UP;
    body.ifi_change = IFF_UP;
    request.add_body(body);
    (void)inside.ask(std::move(request),
                     fmt::format("linux: netDevices: {}: bring it up", device.move->host_name));
}

/// A connection made inside the namespace, and the caller is back.
Netlink connect_inside(int network_namespace) {
    const sys::UniqueFd own = sys::open_own_namespace(sys::NamespaceKind::network);
    sys::setns(network_namespace, CLONE_NEWNET);
    const ScopeExit come_back([&]() noexcept { (void)raw::setns(own.get(), CLONE_NEWNET); });
    return Netlink();
}

std::vector<Device> find_devices(const Netlink& outside, const std::vector<NetDeviceMove>& moves) {
    std::vector<Device> devices;
    for (const NetDeviceMove& move : moves) {
        const auto index = find_device(outside, move.host_name);
        if (!index) {
            throw Error(ErrorKind::not_found,
                        "linux: netDevices: {}: there is no such device",
                        move.host_name);
        }
        devices.push_back({&move, *index, global_addresses(outside, *index)});
    }
    return devices;
}

}  // namespace

void move_net_devices(const std::vector<NetDeviceMove>& moves,
                      const sys::UniqueFd& network_namespace) {
    const Netlink outside;
    const Netlink inside = connect_inside(network_namespace.get());
    const std::vector<Device> devices = find_devices(outside, moves);
    for (const Device& device : devices) {
        if (find_device(inside, device.move->name)) {
            throw Error(ErrorKind::already_exists,
                        "linux: netDevices: {}: the container has a device '{}' already",
                        device.move->host_name,
                        device.move->name);
        }
    }
    for (const Device& device : devices) {
        const std::vector<int> before = list_devices(inside);
        move_device(outside, device, network_namespace.get());
        std::vector<int> now = list_devices(inside);
        std::erase_if(now, [&](int index) {
            return std::find(before.begin(), before.end(), index) != before.end();
        });
        if (now.size() != 1) {
            throw Error(ErrorKind::internal,
                        "linux: netDevices: {}: did not arrive",
                        device.move->host_name);
        }
        for (const Answer& address : device.addresses) {
            add_address(inside, device, now.front(), address);
        }
        bring_up(inside, device, now.front());
    }
}

}  // namespace nau::runtime
