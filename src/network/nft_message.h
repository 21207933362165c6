#pragma once

// nftables as bytes: tables, chains, sets, elements and rules as requests of one transaction. Knows
// the kernel's encoding and nothing of what nau filters; firewall.h does.
//
// Registers are the kernel's 32-bit ones. A value longer than 4 bytes takes several in a row, and a
// concatenation is its parts one after the other, each padded to 4 bytes, in the key of a set as
// well as in the registers that are looked up there.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "network/netlink.h"

namespace nau::network::nft {

using Request = NetlinkSocket::Request;

/// Numbers of nft's own data types; they are for listings, the kernel only keeps them.
enum class DataType : uint32_t {
    ipv4_address = 7,
    ipv6_address = 8,
    protocol = 12,
    port = 13,
    interface_name = 41,
};

/// Key or value of a set: its parts in order.
using DataTypes = std::span<const DataType>;
/// In bytes, each part padded.
uint32_t data_length(DataTypes types) noexcept;

Request add_table(std::string_view table, uint32_t flags);
/// Of a table that is not there: an error, as the whole transaction is then.
Request delete_table(std::string_view table);
std::optional<NetlinkReply> find_table(NetlinkSocket& socket, std::string_view table);

struct BaseChain {
    std::string_view type;  ///< "filter", "nat"
    uint32_t hook = 0;      ///< NF_INET_*
    int32_t priority = 0;
};
Request add_chain(std::string_view table, std::string_view chain);
Request add_chain(std::string_view table, std::string_view chain, const BaseChain& base);

struct Set {
    std::string_view name;
    uint32_t id = 0;  ///< of its own within the transaction
    DataTypes key;
    DataTypes value;  ///< empty: no map
};
Request add_set(std::string_view table, const Set& set);

struct Element {
    std::string key;
    std::string value;  ///< empty in a set that is no map
    friend auto operator<=>(const Element&, const Element&) = default;
};
/// As many requests as it takes; elements that are there with the same value stay.
void add_elements(std::vector<Request>& requests,
                  std::string_view table,
                  std::string_view set,
                  std::span<const Element> elements);
void delete_elements(std::vector<Request>& requests,
                     std::string_view table,
                     std::string_view set,
                     std::span<const Element> elements);

/// `bytes` padded to whole registers.
std::string padded(std::string_view bytes);
std::string interface_key(std::string_view name);
std::string port_key(uint16_t port);

/// Writes the expressions of one rule, in the order in which they are evaluated.
class Expressions {
  public:
    explicit Expressions(NetlinkMessage& message) noexcept : message_(message) {}

    // Loads. `reg` counts registers of 4 bytes from 0.
    Expressions& meta(uint32_t key, unsigned reg);
    Expressions& connection(uint32_t key, unsigned reg);
    Expressions& network_header(uint32_t offset, uint32_t length, unsigned reg);
    Expressions& transport_header(uint32_t offset, uint32_t length, unsigned reg);
    Expressions& destination_type(unsigned reg);  ///< RTN_LOCAL …

    /// The packet's mark from now on; takes register 0.
    Expressions& set_mark(uint32_t mark);

    // Conditions: the rule ends here unless they hold.
    Expressions& equals(unsigned reg, std::string_view bytes);
    Expressions& equals32(unsigned reg, uint32_t host_order);
    /// Any of `mask`'s bits is set.
    Expressions& has_bits(unsigned reg, uint32_t mask);
    Expressions& is_masked(unsigned reg, std::string_view mask, std::string_view value);
    Expressions& is_in(std::string_view set, unsigned reg);
    Expressions& is_not_in(std::string_view set, unsigned reg);
    /// Loads the value that `map` has for the key.
    Expressions& look_up(std::string_view map, unsigned key, unsigned value);

    // Ends.
    void accept();
    void drop();
    void return_();
    void jump(std::string_view chain);
    void destination_nat(uint32_t family, unsigned address, unsigned port);
    void masquerade();

  private:
    void expression(const char* name, const std::function<void()>& data);
    void payload(uint32_t base, uint32_t offset, uint32_t length, unsigned reg);
    void set_lookup(std::string_view set, unsigned reg, uint32_t flags);
    void verdict(int32_t code, std::string_view chain = {});
    void value(uint16_t attribute, std::string_view bytes);

    NetlinkMessage& message_;
};

Request add_rule(std::string_view table,
                 std::string_view chain,
                 const std::function<void(Expressions&)>& write);

}  // namespace nau::network::nft
