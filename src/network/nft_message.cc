#include "network/nft_message.h"

#include <algorithm>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <net/if.h>

#include <fmt/core.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace nau::network::nft {

namespace {

constexpr size_t kRegisterBytes = 4;
constexpr unsigned kTypeBits = 6;
constexpr size_t kElementsPerMessage = 256;

NetlinkMessage nft_message(unsigned type, unsigned flags = 0) {
    NetlinkMessage message(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), flags);
    message.put(nfgenmsg{.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0, .res_id = 0});
    return message;
}

uint32_t length_of(DataType type) noexcept {
    switch (type) {
        case DataType::ipv4_address:
            return 4;
        case DataType::ipv6_address:
            return 16;
        case DataType::protocol:
            return 1;
        case DataType::port:
            return 2;
        case DataType::interface_name:
            return IFNAMSIZ;
    }
    return 0;
}

uint32_t type_number(DataTypes types) noexcept {
    uint32_t number = 0;
    for (const DataType type : types) {
        number = number << kTypeBits | static_cast<uint32_t>(type);
    }
    return number;
}

/// How nft(8) is to read the keys when it lists them: interface names as they stand in memory,
/// numbers in network order.
std::string listing_hints(const Set& set) {
    const auto hint = [](uint8_t kind, uint32_t order) {
        std::string bytes{static_cast<char>(kind), 4};
        bytes.append(reinterpret_cast<const char*>(&order), sizeof(order));
        return bytes;
    };
    constexpr uint32_t host = 1;
    constexpr uint32_t network = 2;
    std::string hints = hint(0, set.key.front() == DataType::interface_name ? host : network);
    if (!set.value.empty()) {
        hints += hint(1, network);
    }
    return hints;
}

void change_elements(std::vector<Request>& requests,
                     unsigned type,
                     std::string_view table,
                     std::string_view set,
                     std::span<const Element> elements) {
    for (size_t start = 0; start < elements.size(); start += kElementsPerMessage) {
        NetlinkMessage message = nft_message(type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
        message.text(NFTA_SET_ELEM_LIST_TABLE, table);
        message.text(NFTA_SET_ELEM_LIST_SET, set);
        {
            const auto list = message.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
            for (const Element& element :
                 elements.subspan(start, std::min(kElementsPerMessage, elements.size() - start))) {
                const auto entry = message.nest(NFTA_LIST_ELEM);
                {
                    const auto key = message.nest(NFTA_SET_ELEM_KEY);
                    message.attribute(NFTA_DATA_VALUE, element.key);
                }
                if (!element.value.empty() && type == NFT_MSG_NEWSETELEM) {
                    const auto value = message.nest(NFTA_SET_ELEM_DATA);
                    message.attribute(NFTA_DATA_VALUE, element.value);
                }
            }
        }
        requests.push_back(
            {.message = std::move(message), .what = fmt::format("nftables set {}", set)});
    }
}

}  // namespace

uint32_t data_length(DataTypes types) noexcept {
    if (types.size() == 1) {
        return length_of(types.front());
    }
    uint32_t length = 0;
    for (const DataType type : types) {
        length += (length_of(type) + 3) & ~3U;
    }
    return length;
}

Request add_table(std::string_view table, uint32_t flags) {
    NetlinkMessage message = nft_message(NFT_MSG_NEWTABLE, NLM_F_CREATE);
    message.text(NFTA_TABLE_NAME, table);
    message.big_endian32(NFTA_TABLE_FLAGS, flags);
    return {.message = std::move(message), .what = fmt::format("nftables table {}", table)};
}

Request delete_table(std::string_view table) {
    NetlinkMessage message = nft_message(NFT_MSG_DELTABLE);
    message.text(NFTA_TABLE_NAME, table);
    return {.message = std::move(message), .what = fmt::format("removing table {}", table)};
}

std::optional<NetlinkReply> find_table(NetlinkSocket& socket, std::string_view table) {
    NetlinkMessage message = nft_message(NFT_MSG_GETTABLE);
    message.text(NFTA_TABLE_NAME, table);
    return socket.query(message, fmt::format("looking for table {}", table));
}

Request add_chain(std::string_view table, std::string_view chain) {
    NetlinkMessage message = nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    message.text(NFTA_CHAIN_TABLE, table);
    message.text(NFTA_CHAIN_NAME, chain);
    return {.message = std::move(message), .what = fmt::format("nftables chain {}", chain)};
}

Request add_chain(std::string_view table, std::string_view chain, const BaseChain& base) {
    Request request = add_chain(table, chain);
    NetlinkMessage& message = request.message;
    {
        const auto hook = message.nest(NFTA_CHAIN_HOOK);
        message.big_endian32(NFTA_HOOK_HOOKNUM, base.hook);
        message.big_endian32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(base.priority));
    }
    message.big_endian32(NFTA_CHAIN_POLICY, NF_ACCEPT);
    message.text(NFTA_CHAIN_TYPE, base.type);
    return request;
}

Request add_set(std::string_view table, const Set& set) {
    NetlinkMessage message = nft_message(NFT_MSG_NEWSET, NLM_F_CREATE);
    message.text(NFTA_SET_TABLE, table);
    message.text(NFTA_SET_NAME, set.name);
    message.big_endian32(NFTA_SET_FLAGS, set.value.empty() ? 0 : NFT_SET_MAP);
    message.big_endian32(NFTA_SET_KEY_TYPE, type_number(set.key));
    message.big_endian32(NFTA_SET_KEY_LEN, data_length(set.key));
    if (!set.value.empty()) {
        message.big_endian32(NFTA_SET_DATA_TYPE, type_number(set.value));
        message.big_endian32(NFTA_SET_DATA_LEN, data_length(set.value));
    }
    message.big_endian32(NFTA_SET_ID, set.id);
    message.attribute(NFTA_SET_USERDATA, listing_hints(set));
    return {.message = std::move(message), .what = fmt::format("nftables set {}", set.name)};
}

void add_elements(std::vector<Request>& requests,
                  std::string_view table,
                  std::string_view set,
                  std::span<const Element> elements) {
    change_elements(requests, NFT_MSG_NEWSETELEM, table, set, elements);
}

void delete_elements(std::vector<Request>& requests,
                     std::string_view table,
                     std::string_view set,
                     std::span<const Element> elements) {
    change_elements(requests, NFT_MSG_DELSETELEM, table, set, elements);
}

std::string padded(std::string_view bytes) {
    std::string text(bytes);
    text.resize((text.size() + kRegisterBytes - 1) / kRegisterBytes * kRegisterBytes, '\0');
    return text;
}

std::string interface_key(std::string_view name) {
    std::string key(name.substr(0, IFNAMSIZ - 1));
    key.resize(IFNAMSIZ, '\0');
    return key;
}

std::string port_key(uint16_t port) {
    const uint16_t bytes = ::htons(port);
    return padded({reinterpret_cast<const char*>(&bytes), sizeof(bytes)});
}

// --- rules

namespace {

uint32_t register_number(unsigned reg) noexcept {
    return NFT_REG32_00 + reg;
}

std::string_view bytes_of(const uint32_t& number) noexcept {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

}  // namespace

void Expressions::expression(const char* name, const std::function<void()>& data) {
    const auto element = message_.nest(NFTA_LIST_ELEM);
    message_.text(NFTA_EXPR_NAME, name);
    const auto body = message_.nest(NFTA_EXPR_DATA);
    data();
}

void Expressions::value(uint16_t attribute, std::string_view bytes) {
    const auto nest = message_.nest(attribute);
    message_.attribute(NFTA_DATA_VALUE, bytes);
}

Expressions& Expressions::meta(uint32_t key, unsigned reg) {
    expression("meta", [&] {
        message_.big_endian32(NFTA_META_KEY, key);
        message_.big_endian32(NFTA_META_DREG, register_number(reg));
    });
    return *this;
}

Expressions& Expressions::connection(uint32_t key, unsigned reg) {
    expression("ct", [&] {
        message_.big_endian32(NFTA_CT_KEY, key);
        message_.big_endian32(NFTA_CT_DREG, register_number(reg));
    });
    return *this;
}

void Expressions::payload(uint32_t base, uint32_t offset, uint32_t length, unsigned reg) {
    expression("payload", [&] {
        message_.big_endian32(NFTA_PAYLOAD_DREG, register_number(reg));
        message_.big_endian32(NFTA_PAYLOAD_BASE, base);
        message_.big_endian32(NFTA_PAYLOAD_OFFSET, offset);
        message_.big_endian32(NFTA_PAYLOAD_LEN, length);
    });
}

Expressions& Expressions::network_header(uint32_t offset, uint32_t length, unsigned reg) {
    payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length, reg);
    return *this;
}

Expressions& Expressions::transport_header(uint32_t offset, uint32_t length, unsigned reg) {
    payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, length, reg);
    return *this;
}

Expressions& Expressions::destination_type(unsigned reg) {
    expression("fib", [&] {
        message_.big_endian32(NFTA_FIB_DREG, register_number(reg));
        message_.big_endian32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        message_.big_endian32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    });
    return *this;
}

Expressions& Expressions::set_mark(uint32_t mark) {
    expression("immediate", [&] {
        message_.big_endian32(NFTA_IMMEDIATE_DREG, register_number(0));
        value(NFTA_IMMEDIATE_DATA, bytes_of(mark));
    });
    expression("meta", [&] {
        message_.big_endian32(NFTA_META_KEY, NFT_META_MARK);
        message_.big_endian32(NFTA_META_SREG, register_number(0));
    });
    return *this;
}

Expressions& Expressions::equals(unsigned reg, std::string_view bytes) {
    expression("cmp", [&] {
        message_.big_endian32(NFTA_CMP_SREG, register_number(reg));
        message_.big_endian32(NFTA_CMP_OP, NFT_CMP_EQ);
        value(NFTA_CMP_DATA, bytes);
    });
    return *this;
}

Expressions& Expressions::equals32(unsigned reg, uint32_t host_order) {
    return equals(reg, bytes_of(host_order));
}

Expressions& Expressions::has_bits(unsigned reg, uint32_t mask) {
    const uint32_t zero = 0;
    expression("bitwise", [&] {
        message_.big_endian32(NFTA_BITWISE_SREG, register_number(reg));
        message_.big_endian32(NFTA_BITWISE_DREG, register_number(reg));
        message_.big_endian32(NFTA_BITWISE_LEN, sizeof(mask));
        value(NFTA_BITWISE_MASK, bytes_of(mask));
        value(NFTA_BITWISE_XOR, bytes_of(zero));
    });
    expression("cmp", [&] {
        message_.big_endian32(NFTA_CMP_SREG, register_number(reg));
        message_.big_endian32(NFTA_CMP_OP, NFT_CMP_NEQ);
        value(NFTA_CMP_DATA, bytes_of(zero));
    });
    return *this;
}

Expressions& Expressions::is_masked(unsigned reg, std::string_view mask, std::string_view wanted) {
    expression("bitwise", [&] {
        message_.big_endian32(NFTA_BITWISE_SREG, register_number(reg));
        message_.big_endian32(NFTA_BITWISE_DREG, register_number(reg));
        message_.big_endian32(NFTA_BITWISE_LEN, static_cast<uint32_t>(mask.size()));
        value(NFTA_BITWISE_MASK, mask);
        value(NFTA_BITWISE_XOR, std::string(mask.size(), '\0'));
    });
    return equals(reg, wanted);
}

void Expressions::set_lookup(std::string_view set, unsigned reg, uint32_t flags) {
    expression("lookup", [&] {
        message_.text(NFTA_LOOKUP_SET, set);
        message_.big_endian32(NFTA_LOOKUP_SREG, register_number(reg));
        if (flags != 0) {
            message_.big_endian32(NFTA_LOOKUP_FLAGS, flags);
        }
    });
}

Expressions& Expressions::is_in(std::string_view set, unsigned reg) {
    set_lookup(set, reg, 0);
    return *this;
}

Expressions& Expressions::is_not_in(std::string_view set, unsigned reg) {
    set_lookup(set, reg, NFT_LOOKUP_F_INV);
    return *this;
}

Expressions& Expressions::look_up(std::string_view map, unsigned key, unsigned value_register) {
    expression("lookup", [&] {
        message_.text(NFTA_LOOKUP_SET, map);
        message_.big_endian32(NFTA_LOOKUP_SREG, register_number(key));
        message_.big_endian32(NFTA_LOOKUP_DREG, register_number(value_register));
    });
    return *this;
}

void Expressions::verdict(int32_t code, std::string_view chain) {
    expression("immediate", [&] {
        message_.big_endian32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        const auto data = message_.nest(NFTA_IMMEDIATE_DATA);
        const auto nest = message_.nest(NFTA_DATA_VERDICT);
        message_.big_endian32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
        if (!chain.empty()) {
            message_.text(NFTA_VERDICT_CHAIN, chain);
        }
    });
}

void Expressions::accept() {
    verdict(NF_ACCEPT);
}

void Expressions::drop() {
    verdict(NF_DROP);
}

void Expressions::return_() {
    verdict(NFT_RETURN);
}

void Expressions::jump(std::string_view chain) {
    verdict(NFT_JUMP, chain);
}

void Expressions::destination_nat(uint32_t family, unsigned address, unsigned port) {
    expression("nat", [&] {
        message_.big_endian32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
        message_.big_endian32(NFTA_NAT_FAMILY, family);
        message_.big_endian32(NFTA_NAT_REG_ADDR_MIN, register_number(address));
        message_.big_endian32(NFTA_NAT_REG_PROTO_MIN, register_number(port));
    });
}

void Expressions::masquerade() {
    expression("masq", [] {});
}

Request add_rule(std::string_view table,
                 std::string_view chain,
                 const std::function<void(Expressions&)>& write) {
    NetlinkMessage message = nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    message.text(NFTA_RULE_TABLE, table);
    message.text(NFTA_RULE_CHAIN, chain);
    {
        const auto list = message.nest(NFTA_RULE_EXPRESSIONS);
        Expressions expressions(message);
        write(expressions);
    }
    return {.message = std::move(message), .what = fmt::format("a rule of chain {}", chain)};
}

}  // namespace nau::network::nft
