#include "network/ipam.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::network {

namespace {

/// An IPv4 subnet's first and last addresses mean the network and everybody in it; in IPv6 the
/// first is the routers' anycast address.
struct UsableRange {
    IpAddress first;
    uint64_t size = 0;
};

UsableRange usable_range(const Subnet& subnet) noexcept {
    const IpAddress begin = subnet.prefix.network().address;
    const IpAddress lowest = begin.plus(1);
    const IpAddress first = subnet.first ? std::max(*subnet.first, lowest) : lowest;
    const unsigned host_bits = begin.width() - subnet.prefix.length;
    IpAddress last = subnet.last.value_or(
        host_bits < 63 ? begin.plus((uint64_t{1} << host_bits) - 2) : begin.plus(UINT64_MAX >> 2U));
    const auto size = first.distance_to(last);
    return {.first = first, .size = size ? *size + 1 : 0};
}

}  // namespace

SubnetPool parse_subnet_pool(std::string_view text) {
    const auto parts = split_once(text, ',');
    const auto base = IpPrefix::try_parse(parts ? parts->first : text);
    const auto length = parts ? parse_uint64(parts->second) : std::optional<uint64_t>(24);
    if (!base || !length || *length < base->length || *length > base->address.width() - 2) {
        throw Error(ErrorKind::invalid, "'{}' is not of the form ADDRESS/LENGTH,LENGTH", text)
            .with_hint("10.86.0.0/16,24 is 256 subnets of 254 addresses");
    }
    return {.base = base->network(), .length = static_cast<unsigned>(*length)};
}

std::vector<SubnetPool> default_subnet_pools() {
    return {{.base = IpPrefix::parse("10.86.0.0/16"), .length = 24},
            {.base = IpPrefix::parse("10.80.0.0/14"), .length = 24},
            {.base = IpPrefix::parse("10.64.0.0/12"), .length = 24},
            {.base = IpPrefix::parse("192.168.128.0/17"), .length = 24}};
}

IpPrefix choose_subnet(const std::vector<SubnetPool>& pools, const std::vector<IpPrefix>& taken) {
    for (const SubnetPool& pool : pools) {
        const uint64_t count = uint64_t{1} << std::min(16U, pool.length - pool.base.length);
        const unsigned width = pool.base.address.width();
        for (uint64_t i = 0; i < count; ++i) {
            const unsigned shift = width - pool.length;
            if (shift >= 64) {
                break;  // IPv6 pools are made by make_local_prefix()
            }
            const IpPrefix candidate{.address = pool.base.address.plus(i << shift),
                                     .length = pool.length};
            if (std::ranges::none_of(
                    taken, [&](const IpPrefix& other) { return other.overlaps(candidate); })) {
                return candidate;
            }
        }
    }
    throw Error(ErrorKind::unavailable, "no free subnet is left")
        .with_hint(
            "remove networks ('nau network prune'), name one with --subnet, or widen "
            "subnet_pools in nau.conf");
}

IpPrefix make_local_prefix(uint64_t random) noexcept {
    std::array<uint8_t, 16> bytes{0xfd};
    for (unsigned i = 0; i < 7; ++i) {
        bytes[1 + i] = static_cast<uint8_t>(random >> (8 * i));
    }
    return {.address = IpAddress::v6(bytes), .length = 64};
}

IpAddress default_gateway(const IpPrefix& subnet) noexcept {
    return subnet.network().address.plus(1);
}

void check_subnet(const Subnet& subnet) {
    const IpPrefix& prefix = subnet.prefix;
    if (prefix.length + 2 > prefix.address.width()) {
        throw Error(ErrorKind::invalid, "subnet {} has no room for containers", prefix.to_string());
    }
    if (prefix.address.is_multicast() || prefix.address.is_loopback() || prefix.length == 0) {
        throw Error(ErrorKind::invalid, "subnet {} cannot be given out", prefix.to_string());
    }
    if (!prefix.contains(subnet.gateway)) {
        throw Error(ErrorKind::invalid,
                    "gateway {} is not in subnet {}",
                    subnet.gateway.to_string(),
                    prefix.to_string());
    }
    for (const auto& end : {subnet.first, subnet.last}) {
        if (end && !prefix.contains(*end)) {
            throw Error(ErrorKind::invalid,
                        "the range's {} is not in subnet {}",
                        end->to_string(),
                        prefix.to_string());
        }
    }
    if (usable_range(subnet).size == 0) {
        throw Error(ErrorKind::invalid, "the range of subnet {} is empty", prefix.to_string());
    }
}

void check_static_address(const Subnet& subnet, const IpAddress& address) {
    if (!subnet.prefix.contains(address)) {
        throw Error(ErrorKind::invalid,
                    "address {} is not in subnet {}",
                    address.to_string(),
                    subnet.prefix.to_string());
    }
    const bool is_broadcast = !address.is_v6() && address == subnet.prefix.last();
    if (address == subnet.gateway || address == subnet.prefix.network().address || is_broadcast) {
        throw Error(ErrorKind::invalid,
                    "address {} is the {}'s own",
                    address.to_string(),
                    address == subnet.gateway ? "gateway" : "network");
    }
}

std::optional<IpAddress> choose_address(const Subnet& subnet,
                                        const std::set<IpAddress>& taken,
                                        const std::optional<IpAddress>& after) {
    const UsableRange range = usable_range(subnet);
    if (range.size == 0) {
        return std::nullopt;
    }
    uint64_t start = 0;
    if (after) {
        const auto place = range.first.distance_to(*after);
        start = place ? (*place + 1) % range.size : 0;
    }
    // At most as many are taken as there are in the set: no need to walk through a /64.
    const uint64_t tries = std::min<uint64_t>(range.size, taken.size() + 2);
    for (uint64_t i = 0; i < tries; ++i) {
        const IpAddress candidate = range.first.plus((start + i) % range.size);
        if (candidate != subnet.gateway && !taken.contains(candidate)) {
            return candidate;
        }
    }
    return std::nullopt;
}

}  // namespace nau::network
