#pragma once

// Choosing subnets and addresses. Pure: who has what is told by the caller.

#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "network/network.h"

namespace nau::network {

/// Where subnets come from: `length` of each, one after the other.
struct SubnetPool {
    IpPrefix base;
    unsigned length = 24;
};
/// "10.86.0.0/16,24": the base and the length of what is cut from it. @throws Error{invalid}
SubnetPool parse_subnet_pool(std::string_view text);
/// Those that nau begins with; they stay clear of what podman, docker and kubernetes begin with.
std::vector<SubnetPool> default_subnet_pools();

/// The first of the pools' subnets that overlaps with none of `taken`. @throws Error{unavailable}
IpPrefix choose_subnet(const std::vector<SubnetPool>& pools, const std::vector<IpPrefix>& taken);

/// A unique local IPv6 /64 made of `random` (RFC 4193).
IpPrefix make_local_prefix(uint64_t random) noexcept;

/// The first usable address: what a gateway gets unless one is named.
IpAddress default_gateway(const IpPrefix& subnet) noexcept;

/// @throws Error{invalid} for a gateway or range outside, a subnet without room
void check_subnet(const Subnet& subnet);

/// @throws Error{invalid} when it is the gateway's, or the network's or broadcast address, or
/// outside of the subnet
void check_static_address(const Subnet& subnet, const IpAddress& address);

/// The next free address behind `after` (absent: from the beginning), turning over at the end of
/// the range, so that an address that has become free is not given out at once. nullopt: all are
/// taken.
std::optional<IpAddress> choose_address(const Subnet& subnet,
                                        const std::set<IpAddress>& taken,
                                        const std::optional<IpAddress>& after);

}  // namespace nau::network
