#pragma once

// A plan put into the kernel: bridges on the host, interfaces in the container's namespace. Each
// function finishes what it finds; what was begun and not finished goes with the namespace.

#include <optional>
#include <string>
#include <vector>

#include "network/link.h"
#include "network/namespace.h"
#include "network/network.h"

namespace nau::network {

/// What is left of the bridge when it had to be made.
struct HostChange {
    bool made_bridge = false;
};

/// The bridge with its addresses, up and marked as ours; forwarding on. @throws Error{in_use} when
/// an interface of that name is not nau's, Error{unsupported} when the kernel has no bridges
HostChange ensure_bridge(NetlinkSocket& host, const Network& network);

/// Removes the bridge if it is this network's.
void remove_bridge(NetlinkSocket& host, const Network& network);

/// @throws Error{invalid} naming the modes that a macvlan or ipvlan can have
void check_mode(Driver driver, std::string_view mode);

/// "nau: <id>": the alias of the bridge, by which it is known again.
std::string bridge_mark(const Network& network);

/// Interface, addresses and routes of one endpoint; `host` is the socket of the host's namespace.
void attach(NetlinkSocket& host, ContainerNamespace& container, const Endpoint& endpoint);

/// The default routes that the endpoint says; those that are there stay.
void add_default_routes(ContainerNamespace& container, const Endpoint& endpoint);

/// Takes the endpoint's interface away from a running container.
void detach(NetlinkSocket& host, ContainerNamespace& container, const Endpoint& endpoint);

/// The link with the default route, that macvlan and ipvlan use unless told otherwise.
std::optional<std::string> default_route_interface(NetlinkSocket& host);

/// A name for the host's end of a pair, never used before.
std::string make_interface_name();

}  // namespace nau::network
