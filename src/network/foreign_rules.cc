#include "network/foreign_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include <fmt/core.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/error.h"
#include "base/log.h"
#include "network/netlink.h"

namespace nau::network {

namespace {

const char* family_name(uint8_t family) noexcept {
    switch (family) {
        case NFPROTO_IPV4:
            return "ip";
        case NFPROTO_IPV6:
            return "ip6";
        case NFPROTO_INET:
            return "inet";
        default:
            return nullptr;  // bridge, arp, netdev: not in the way of what is routed
    }
}

}  // namespace

std::vector<std::string> find_foreign_obstacles(const std::string& own_table) {
    std::vector<std::string> findings;
    try {
        NetlinkSocket socket(NETLINK_NETFILTER);
        NetlinkMessage message(NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETCHAIN, 0);
        message.put(nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = 0});
        for (const auto& reply : socket.dump(message, "listing nftables chains")) {
            const auto header = reply.header<nfgenmsg>();
            const auto attributes = reply.attributes<nfgenmsg>();
            const char* family = family_name(header.nfgen_family);
            const auto policy = attributes.number<uint32_t>(NFTA_CHAIN_POLICY);
            const auto hook =
                attributes.nested(NFTA_CHAIN_HOOK).number<uint32_t>(NFTA_HOOK_HOOKNUM);
            const std::string table(attributes.text(NFTA_CHAIN_TABLE));
            if (family == nullptr || !policy || !hook || ntohl(*policy) != NF_DROP ||
                table == own_table) {
                continue;
            }
            const std::string chain =
                fmt::format("{} {} {}", family, table, attributes.text(NFTA_CHAIN_NAME));
            if (ntohl(*hook) == NF_INET_FORWARD) {
                findings.push_back(fmt::format(
                    "chain '{}' drops what is forwarded unless its rules accept it: containers "
                    "may reach neither the world nor be reached; accept interfaces nau* there",
                    chain));
            } else if (ntohl(*hook) == NF_INET_LOCAL_IN) {
                findings.push_back(fmt::format(
                    "chain '{}' drops what comes to this host unless its rules accept it; "
                    "published ports are forwarded and do not pass it: publish them on 127.0.0.1 "
                    "(default_publish_address), or filter them in a forward chain of your own by "
                    "'ct original proto-dst'",
                    chain));
            }
        }
    } catch (const Error& error) {
        NAU_LOG_DEBUG("{}", error.text());
    }
    return findings;
}

}  // namespace nau::network
