#include "engine/network/network_options.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/network/resolver_options.h"
#include "network/link.h"
#include "network/network.h"

namespace nau::engine {

namespace {

/// Host names: what a name server can be asked for.
void check_alias(std::string_view name) {
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, is_fine)) {
        throw Error(ErrorKind::invalid, "'{}' is no name that a container can be found by", name)
            .with_hint("letters, digits, '-', '_' and '.', at most 63");
    }
}

void apply_network_option(std::string_view text, NetworkRequest& request) {
    const auto pair = split_once(text, '=');
    if (!pair || pair->second.empty()) {
        throw Error(ErrorKind::invalid, "'{}' is not of the form KEY=VALUE", text);
    }
    const auto& [key, value] = *pair;
    if (key == "ip" || key == "ip6") {
        const auto address = network::IpAddress::parse(value);
        if (key == "ip6" && !address.is_v6()) {
            throw Error(ErrorKind::invalid, "'{}' is not an IPv6 address", value);
        }
        request.addresses.push_back(address.to_string());
    } else if (key == "mac") {
        request.mac = network::MacAddress::parse(value).to_string();
    } else if (key == "alias") {
        check_alias(value);
        request.aliases.emplace_back(value);
    } else if (key == "interface_name") {
        if (!network::is_interface_name(value)) {
            throw Error(ErrorKind::invalid, "'{}' is no name of an interface", value);
        }
        request.interface_name = value;
    } else {
        throw Error(ErrorKind::invalid, "unknown option '{}' of a network", key)
            .with_hint("options are ip, ip6, mac, alias and interface_name");
    }
}

struct Range {
    uint16_t first = 0;
    uint16_t count = 1;
};

uint16_t parse_port(std::string_view text, bool may_be_zero) {
    const auto number = parse_uint64(text);
    if (!number || *number > UINT16_MAX || (*number == 0 && !may_be_zero)) {
        throw Error(ErrorKind::invalid, "'{}' is not a port number", text);
    }
    return static_cast<uint16_t>(*number);
}

Range parse_range(std::string_view text, bool may_be_zero = false) {
    const auto ends = split_once(text, '-');
    if (!ends) {
        return {.first = parse_port(text, may_be_zero)};
    }
    const uint16_t first = parse_port(ends->first, false);
    const uint16_t last = parse_port(ends->second, false);
    if (last < first) {
        throw Error(ErrorKind::invalid, "port range '{}' runs backwards", text);
    }
    return {.first = first, .count = static_cast<uint16_t>(last - first + 1)};
}

/// Takes "/udp" off the end.
std::string take_protocol(std::string_view& text) {
    const auto parts = split_once(text, '/');
    if (!parts) {
        return "tcp";
    }
    std::string protocol = to_lower(parts->second);
    (void)network::protocol_number(protocol);
    text = parts->first;
    return protocol;
}

/// Takes "127.0.0.1:" or "[::1]:" off the beginning, if there are more parts than two ports.
std::optional<network::IpAddress> take_address(std::string_view& text) {
    std::string_view word;
    if (text.starts_with('[')) {
        const size_t end = text.find("]:");
        if (end == text.npos) {
            throw Error(ErrorKind::invalid, "'{}' has no ']:' behind its address", text);
        }
        word = text.substr(1, end - 1);
        text.remove_prefix(end + 2);
    } else if (std::ranges::count(text, ':') >= 2) {
        const size_t container = text.rfind(':');
        const size_t end = text.rfind(':', container - 1);
        word = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    return word.empty() ? std::nullopt : std::optional(network::IpAddress::parse(word));
}

}  // namespace

void apply_network_flag(std::string_view text, NetworkOptions& options) {
    const auto set_mode = [&](std::string_view mode) {
        const bool is_again = !options.mode.empty() && options.mode != mode;
        if (is_again || (!options.mode.empty() && mode != "bridge")) {
            throw Error(ErrorKind::invalid,
                        "networks '{}' and '{}' do not go together",
                        options.networks.empty() ? options.mode : options.networks.front().name,
                        text);
        }
        options.mode = mode;
    };
    if (text == "none" || text == "host") {
        set_mode(text);
        return;
    }
    for (const std::string_view prefix : {"container:", "ns:"}) {
        if (text.starts_with(prefix)) {
            if (text.size() == prefix.size()) {
                throw Error(ErrorKind::invalid, "nothing stands behind '{}'", prefix);
            }
            set_mode(text);
            return;
        }
    }
    for (const std::string_view mode : {"pasta", "slirp4netns"}) {
        if (text == mode || text.starts_with(fmt::format("{}:", mode))) {
            throw Error(ErrorKind::unsupported, "network '{}' is not supported by nau yet", mode)
                .with_hint("--network takes bridge, none, host, container:NAME, ns:PATH and names");
        }
    }
    set_mode("bridge");
    const auto parts = split_once(text, ':');
    std::string_view names = parts ? parts->first : text;
    if (names.empty()) {
        throw Error(ErrorKind::invalid, "a network has no name");
    }
    for (const auto name : split(names, ',')) {
        const bool is_default = name == "bridge" || name == "default" || name == "private";
        options.networks.push_back({.name = std::string(is_default ? kDefaultNetwork : name)});
    }
    if (parts) {
        for (const auto option : split(parts->second, ',')) {
            apply_network_option(option, options.networks.back());
        }
    }
}

std::string parse_dns_flag(std::string_view text) {
    return std::string(text == kNoNameServers ? text : network::IpAddress::parse(text).to_string());
}

bool omits_resolv_conf(const NetworkOptions& options) {
    return options.dns_servers == std::vector<std::string>{std::string(kNoNameServers)};
}

void check_resolver_word(std::string_view text) {
    const auto is_outside = [](char c) { return c <= ' ' || c == '#' || c == 0x7f; };
    if (text.empty() || std::ranges::any_of(text, is_outside)) {
        throw Error(ErrorKind::invalid, "'{}' is no word of resolv.conf", text);
    }
}

void check_ipv4_address(std::string_view text) {
    const auto address = network::IpAddress::try_parse(text);
    if (!address || address->is_v6()) {
        throw Error(ErrorKind::invalid, "'{}' is not an IPv4 address", text);
    }
}

void check_ipv6_address(std::string_view text) {
    const auto address = network::IpAddress::try_parse(text);
    if (!address || !address->is_v6()) {
        throw Error(ErrorKind::invalid, "'{}' is not an IPv6 address", text);
    }
}

PortRequest parse_publish_flag(std::string_view text) {
    const std::string_view whole = text;
    return doing([&] { return fmt::format("'{}'", whole); },
                 [&] {
                     PortRequest request;
                     request.protocol = take_protocol(text);
                     request.host_address = take_address(text);
                     const auto parts = split_once(text, ':');
                     const Range inside = parse_range(parts ? parts->second : text);
                     request.container_port = inside.first;
                     request.count = inside.count;
                     if (!parts || parts->first.empty()) {
                         return request;
                     }
                     const Range outside = parse_range(parts->first, true);
                     request.host_port = outside.first;
                     if (outside.count != inside.count) {
                         throw Error(ErrorKind::invalid,
                                     "{} ports of the host for {} of the container",
                                     outside.count,
                                     inside.count);
                     }
                     return request;
                 });
}

ExposedPort parse_expose_flag(std::string_view text) {
    ExposedPort port;
    port.protocol = take_protocol(text);
    const Range range = parse_range(text);
    port.first = range.first;
    port.count = range.count;
    return port;
}

void check_network_options(const NetworkOptions& options) {
    const bool is_bridge = options.mode == "bridge" || options.mode.empty();
    const auto refuse = [&](std::string_view flag) {
        throw Error(ErrorKind::invalid, "{} has no meaning with --network={}", flag, options.mode);
    };
    if (!is_bridge) {
        if (!options.address.empty()) {
            refuse("--ip");
        }
        if (!options.address6.empty()) {
            refuse("--ip6");
        }
        if (!options.mac.empty()) {
            refuse("--mac-address");
        }
        if (!options.aliases.empty()) {
            refuse("--network-alias");
        }
        const bool is_shared = options.mode.starts_with("container:");
        if (is_shared && (!options.ports.empty() || options.publishes_all)) {
            refuse("--publish");
        }
    }
    const bool sets_servers =
        !options.dns_servers.empty() || !options.dns_search.empty() || !options.dns_options.empty();
    const bool names_none =
        std::ranges::find(options.dns_servers, kNoNameServers) != options.dns_servers.end();
    if (names_none && (!omits_resolv_conf(options) || !options.dns_search.empty() ||
                       !options.dns_options.empty())) {
        throw Error(ErrorKind::invalid, "--dns=none and other name servers contradict each other");
    }
    if (options.mode.starts_with("container:") && sets_servers) {
        refuse("--dns");
    }
    const bool names_one =
        !options.address.empty() || !options.address6.empty() || !options.mac.empty();
    if (names_one && options.networks.size() > 1) {
        throw Error(ErrorKind::invalid,
                    "--ip, --ip6 and --mac-address do not say for which network they are")
            .with_hint("with several networks write --network NAME:ip=…,mac=…");
    }
    for (const auto& alias : options.aliases) {
        check_alias(alias);
    }
    for (size_t i = 0; i < options.networks.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            if (options.networks[i].name == options.networks[j].name) {
                throw Error(
                    ErrorKind::invalid, "network '{}' is given twice", options.networks[i].name);
            }
        }
    }
}

}  // namespace nau::engine
