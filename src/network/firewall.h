#pragma once

// nau's one nftables table: what it has to hold, as data, and how it gets into the kernel.
//
//   prerouting, output   a packet to an address of this host: map (protocol, port) → container
//   forward              what may pass between bridges and the world, isolation first
//   postrouting          masquerading; a container that talks to its own bridge's published port
//
// The rules never change: networks and ports are elements of sets and maps. Where the kernel can do
// it (Linux ≥ 6.9) the table is *owned* by the keeper: `nft flush ruleset` and firewall reloads
// pass it by, and it stays when the keeper dies. Elsewhere the keeper hears of the flush and makes
// the table again.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "network/address.h"
#include "network/nft_message.h"

namespace nau::network {

/// A bridge and what holds for all containers on it.
struct BridgeRules {
    std::string bridge;
    bool is_internal = false;    ///< nothing passes in or out
    bool is_isolated = true;     ///< no traffic with other bridges of nau
    bool has_masquerade = true;  ///< the world sees the host's address
    bool has_neighbours = true;  ///< what comes from it may go back to it
    friend auto operator<=>(const BridgeRules&, const BridgeRules&) = default;
};

/// One published port of one family.
struct PortRule {
    std::optional<IpAddress> host_address;  ///< nullopt: any of this host
    uint8_t protocol = 0;                   ///< IPPROTO_*
    uint16_t host_port = 0;
    IpAddress target;
    uint16_t target_port = 0;
    friend auto operator<=>(const PortRule&, const PortRule&) = default;
};

struct FirewallContent {
    std::set<BridgeRules> bridges;
    std::set<PortRule> ports;
};

/// All requests that make the table from nothing. Pure.
std::vector<nft::Request> plan_table(std::string_view table,
                                     uint32_t flags,
                                     const FirewallContent& content);
/// What turns `from` into `to`: elements only. Pure.
std::vector<nft::Request> plan_change(std::string_view table,
                                      const FirewallContent& from,
                                      const FirewallContent& to);

class Firewall {
  public:
    /// `table`: "nau", or another name for another run root. @throws SysError
    explicit Firewall(std::string table);

    /// Makes the table anew, whatever is there, in one transaction. @throws Error{unsupported} when
    /// the kernel has no nftables
    void replace(const FirewallContent& content);
    /// Only what differs from the last content. @throws SysError; the content is then as before
    void change(const FirewallContent& content);
    bool is_there();
    /// Nobody else can touch the table.
    bool is_owned() const noexcept { return is_owned_; }
    /// The table goes; also for a keeper that ends and finds nothing to keep.
    void remove();

    const std::string& table() const noexcept { return table_; }
    uint32_t port() const noexcept { return socket_.port(); }

  private:
    std::string table_;
    NetlinkSocket socket_;
    FirewallContent content_;
    bool is_owned_ = false;
};

}  // namespace nau::network
