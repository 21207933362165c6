#include "network/firewall.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include <fmt/core.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

#include "base/error.h"
#include "base/log.h"

// Of Linux ≥ 5.12 and ≥ 6.9; older headers lack them.
constexpr uint32_t kTableIsOwned = 0x2;
constexpr uint32_t kTablePersists = 0x4;

namespace nau::network {

namespace {

using nft::DataType;
using nft::Element;
using nft::Expressions;
using nft::Request;

constexpr int32_t kFilterPriority = 0;
constexpr int32_t kDestinationNatPriority = -100;
constexpr int32_t kSourceNatPriority = 100;

constexpr std::array kInterface = {DataType::interface_name};
constexpr std::array kTwoInterfaces = {DataType::interface_name, DataType::interface_name};
constexpr std::array kPort = {DataType::protocol, DataType::port};
constexpr std::array kPortOfV4 = {DataType::ipv4_address, DataType::protocol, DataType::port};
constexpr std::array kPortOfV6 = {DataType::ipv6_address, DataType::protocol, DataType::port};
constexpr std::array kTargetV4 = {DataType::ipv4_address, DataType::port};
constexpr std::array kTargetV6 = {DataType::ipv6_address, DataType::port};

const std::array kSets = {
    nft::Set{.name = "bridges", .id = 1, .key = kInterface, .value = {}},
    nft::Set{.name = "internal", .id = 2, .key = kInterface, .value = {}},
    nft::Set{.name = "isolated", .id = 3, .key = kInterface, .value = {}},
    nft::Set{.name = "masqueraded", .id = 4, .key = kInterface, .value = {}},
    nft::Set{.name = "same_bridge", .id = 5, .key = kTwoInterfaces, .value = {}},
    nft::Set{.name = "ports4", .id = 6, .key = kPort, .value = kTargetV4},
    nft::Set{.name = "ports6", .id = 7, .key = kPort, .value = kTargetV6},
    nft::Set{.name = "address_ports4", .id = 8, .key = kPortOfV4, .value = kTargetV4},
    nft::Set{.name = "address_ports6", .id = 9, .key = kPortOfV6, .value = kTargetV6},
};

// Offsets of the destination address in the headers.
constexpr uint32_t kV4Destination = 16;
constexpr uint32_t kV6Destination = 24;
constexpr unsigned kV4Registers = 1;
constexpr unsigned kV6Registers = 4;
constexpr unsigned kInterfaceRegisters = 4;
/// From the forward to the postrouting chain, where a packet is routed already.
constexpr uint32_t kSameBridgeMark = 0x6e61'7501;
/// Where look-ups put the target: behind the longest key.
constexpr unsigned kTargetRegister = 8;

/// Elements of each set, by its place in kSets.
using Elements = std::array<std::vector<Element>, kSets.size()>;

Elements elements_of(const FirewallContent& content) {
    enum { bridges, internal, isolated, masqueraded, same_bridge, ports4 };
    Elements elements;
    for (const BridgeRules& rules : content.bridges) {
        const std::string key = nft::interface_key(rules.bridge);
        elements[bridges].push_back({.key = key, .value = {}});
        if (rules.has_neighbours) {
            elements[same_bridge].push_back({.key = key + key, .value = {}});
        }
        for (const auto& [is_member, set] :
             {std::pair{rules.is_internal, internal},
              std::pair{rules.is_isolated || !rules.has_neighbours, isolated},
              std::pair{rules.has_masquerade, masqueraded}}) {
            if (is_member) {
                elements[set].push_back({.key = key, .value = {}});
            }
        }
    }
    for (const PortRule& port : content.ports) {
        const char protocol = static_cast<char>(port.protocol);
        const std::string address =
            port.host_address ? std::string(port.host_address->bytes()) : "";
        const size_t set = ports4 + (port.target.is_v6() ? 1U : 0U) + (port.host_address ? 2U : 0U);
        elements[set].push_back(
            {.key = address + nft::padded({&protocol, 1}) + nft::port_key(port.host_port),
             .value = std::string(port.target.bytes()) + nft::port_key(port.target_port)});
    }
    for (auto& list : elements) {
        std::ranges::sort(list);
        list.erase(std::unique(list.begin(), list.end()), list.end());
    }
    return elements;
}

void translate_port(std::vector<Request>& requests, std::string_view table, bool is_v6) {
    const uint32_t family = is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
    const uint32_t offset = is_v6 ? kV6Destination : kV4Destination;
    const unsigned registers = is_v6 ? kV6Registers : kV4Registers;
    const char family_byte = static_cast<char>(family);
    const auto begin = [&](Expressions& rule) -> Expressions& {
        return rule.meta(NFT_META_NFPROTO, 0).equals(0, {&family_byte, 1});
    };
    requests.push_back(nft::add_rule(table, "published_ports", [&](Expressions& rule) {
        begin(rule)
            .network_header(offset, registers * 4, 0)
            .meta(NFT_META_L4PROTO, registers)
            .transport_header(2, 2, registers + 1)
            .look_up(is_v6 ? "address_ports6" : "address_ports4", 0, kTargetRegister)
            .destination_nat(family, kTargetRegister, kTargetRegister + registers);
    }));
    requests.push_back(nft::add_rule(table, "published_ports", [&](Expressions& rule) {
        begin(rule)
            .meta(NFT_META_L4PROTO, 0)
            .transport_header(2, 2, 1)
            .look_up(is_v6 ? "ports6" : "ports4", 0, kTargetRegister)
            .destination_nat(family, kTargetRegister, kTargetRegister + registers);
    }));
}

/// The kernel has no route from a loopback address to a container, and none is made for it (it
/// would open the host's own loopback services to the containers): the keeper carries these.
void leave_loopback_alone(std::vector<Request>& requests, std::string_view table) {
    const char v4 = NFPROTO_IPV4;
    const char v6 = NFPROTO_IPV6;
    requests.push_back(nft::add_rule(table, "output", [&](Expressions& rule) {
        rule.meta(NFT_META_NFPROTO, 0)
            .equals(0, {&v4, 1})
            .network_header(kV4Destination, 4, 0)
            .is_masked(0, std::string_view("\xff\0\0\0", 4), std::string_view("\x7f\0\0\0", 4))
            .return_();
    }));
    requests.push_back(nft::add_rule(table, "output", [&](Expressions& rule) {
        rule.meta(NFT_META_NFPROTO, 0)
            .equals(0, {&v6, 1})
            .network_header(kV6Destination, 16, 0)
            .equals(0, std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16))
            .return_();
    }));
}

void plan_nat_chains(std::vector<Request>& requests, std::string_view table) {
    translate_port(requests, table, false);
    translate_port(requests, table, true);
    leave_loopback_alone(requests, table);
    for (const char* chain : {"prerouting", "output"}) {
        requests.push_back(nft::add_rule(table, chain, [](Expressions& rule) {
            rule.destination_type(0).equals32(0, RTN_LOCAL).jump("published_ports");
        }));
    }
    requests.push_back(nft::add_rule(table, "postrouting", [](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .is_in("masqueraded", 0)
            .meta(NFT_META_OIFNAME, 0)
            .is_not_in("bridges", 0)
            .masquerade();
    }));
    requests.push_back(nft::add_rule(table, "postrouting", [](Expressions& rule) {
        rule.meta(NFT_META_MARK, 0).equals32(0, kSameBridgeMark).masquerade();
    }));
}

void plan_forward_chain(std::vector<Request>& requests, std::string_view table) {
    const auto add = [&](const std::function<void(Expressions&)>& write) {
        requests.push_back(nft::add_rule(table, "forward", write));
    };
    // A published port of a neighbour on the same bridge, or its own: it would answer directly,
    // past the translation. Only here both interfaces are known, for packets that are bridged as
    // well.
    add([](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .meta(NFT_META_OIFNAME, kInterfaceRegisters)
            .is_in("same_bridge", 0)
            .connection(NFT_CT_STATUS, 0)
            .has_bits(0, IPS_DST_NAT)
            .set_mark(kSameBridgeMark);
    });
    add([](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .meta(NFT_META_OIFNAME, kInterfaceRegisters)
            .is_in("same_bridge", 0)
            .accept();
    });
    for (const uint32_t key : {NFT_META_IIFNAME, NFT_META_OIFNAME}) {
        add([&](Expressions& rule) { rule.meta(key, 0).is_in("internal", 0).drop(); });
    }
    add([](Expressions& rule) {
        constexpr uint32_t established = 1U << 1U;
        constexpr uint32_t related = 1U << 2U;
        rule.connection(NFT_CT_STATE, 0).has_bits(0, established | related).accept();
    });
    add([](Expressions& rule) {
        rule.meta(NFT_META_OIFNAME, 0)
            .is_in("bridges", 0)
            .connection(NFT_CT_STATUS, 0)
            .has_bits(0, IPS_DST_NAT)
            .accept();
    });
    add([](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .is_in("isolated", 0)
            .meta(NFT_META_OIFNAME, 0)
            .is_in("bridges", 0)
            .drop();
    });
    add([](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .is_in("bridges", 0)
            .meta(NFT_META_OIFNAME, 0)
            .is_in("isolated", 0)
            .drop();
    });
    // Containers are reached by published ports, not by whoever has a route to their addresses.
    add([](Expressions& rule) {
        rule.meta(NFT_META_IIFNAME, 0)
            .is_not_in("bridges", 0)
            .meta(NFT_META_OIFNAME, 0)
            .is_in("bridges", 0)
            .drop();
    });
}

}  // namespace

std::vector<Request> plan_table(std::string_view table,
                                uint32_t flags,
                                const FirewallContent& content) {
    std::vector<Request> requests;
    requests.push_back(nft::add_table(table, flags));
    for (const nft::Set& set : kSets) {
        requests.push_back(nft::add_set(table, set));
    }
    requests.push_back(nft::add_chain(table, "published_ports"));
    requests.push_back(
        nft::add_chain(table,
                       "forward",
                       {.type = "filter", .hook = NF_INET_FORWARD, .priority = kFilterPriority}));
    requests.push_back(nft::add_chain(
        table,
        "prerouting",
        {.type = "nat", .hook = NF_INET_PRE_ROUTING, .priority = kDestinationNatPriority}));
    requests.push_back(nft::add_chain(
        table,
        "output",
        {.type = "nat", .hook = NF_INET_LOCAL_OUT, .priority = kDestinationNatPriority}));
    requests.push_back(nft::add_chain(
        table,
        "postrouting",
        {.type = "nat", .hook = NF_INET_POST_ROUTING, .priority = kSourceNatPriority}));
    plan_forward_chain(requests, table);
    plan_nat_chains(requests, table);
    const Elements elements = elements_of(content);
    for (size_t i = 0; i < kSets.size(); ++i) {
        nft::add_elements(requests, table, kSets[i].name, elements[i]);
    }
    return requests;
}

std::vector<Request> plan_change(std::string_view table,
                                 const FirewallContent& from,
                                 const FirewallContent& to) {
    const Elements before = elements_of(from);
    const Elements after = elements_of(to);
    std::vector<Request> requests;
    for (size_t i = 0; i < kSets.size(); ++i) {
        std::vector<Element> gone;
        std::vector<Element> added;
        std::ranges::set_difference(before[i], after[i], std::back_inserter(gone));
        std::ranges::set_difference(after[i], before[i], std::back_inserter(added));
        nft::delete_elements(requests, table, kSets[i].name, gone);
        nft::add_elements(requests, table, kSets[i].name, added);
    }
    return requests;
}

namespace {

[[noreturn]] void say_what_is_missing(const SysError& error) {
    const bool has_none =
        error.error() == EPROTONOSUPPORT || error.error() == EOPNOTSUPP || error.error() == EINVAL;
    if (has_none || error.error() == ENOENT) {
        throw Error(ErrorKind::unsupported,
                    "{}; this kernel has no {}",
                    error.text(),
                    has_none ? "nftables" : "address translation by nftables")
            .with_hint(fmt::format(
                "load {}, or use --network=none or --network=host",
                has_none ? "its module nf_tables" : "its modules nft_nat, nft_masq and nft_ct"));
    }
    throw error;
}

}  // namespace

Firewall::Firewall(std::string table) : table_(std::move(table)), socket_(NETLINK_NETFILTER) {}

bool Firewall::is_there() {
    try {
        return nft::find_table(socket_, table_).has_value();
    } catch (const SysError& error) {
        say_what_is_missing(error);
    }
}

void Firewall::replace(const FirewallContent& content) {
    // Best first. A table that is there has one of these forms, and which one does not matter: it
    // is adopted, removed and made again within one transaction, so that no packet sees a gap.
    constexpr std::array<uint32_t, 2> forms = {kTableIsOwned | kTablePersists, 0};
    for (const uint32_t flags : forms) {
        std::vector<Request> requests;
        if (is_there()) {
            requests.push_back(nft::add_table(table_, flags));
            requests.push_back(nft::delete_table(table_));
        }
        for (auto& request : plan_table(table_, flags, content)) {
            requests.push_back(std::move(request));
        }
        try {
            socket_.commit(requests);
            is_owned_ = flags != 0;
            content_ = content;
            return;
        } catch (const SysError& error) {
            const bool is_refused = error.error() == EOPNOTSUPP || error.error() == EINVAL;
            if (flags == 0 || !is_refused) {
                say_what_is_missing(error);
            }
            NAU_LOG_DEBUG("{}; an ordinary table, then", error.text());
        }
    }
}

void Firewall::change(const FirewallContent& content) {
    std::vector<Request> requests = plan_change(table_, content_, content);
    if (!requests.empty()) {
        socket_.commit(requests);
    }
    content_ = content;
}

void Firewall::remove() {
    if (is_there()) {
        std::vector<Request> requests;
        requests.push_back(nft::delete_table(table_));
        socket_.commit(requests);
    }
    content_ = {};
}

}  // namespace nau::network
