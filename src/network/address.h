#pragma once

// Addresses as values: IPv4 and IPv6 alike, prefixes ("10.87.0.0/16"), hardware addresses. Parsing
// is strict: what the kernel would read differently (leading zeros, zones) is refused.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nau::network {

class IpAddress {
  public:
    /// 0.0.0.0
    constexpr IpAddress() noexcept = default;
    static IpAddress v4(uint32_t host_order) noexcept;
    static IpAddress v6(const std::array<uint8_t, 16>& bytes) noexcept;
    /// From a message: 4 or 16 bytes. nullopt for other lengths.
    static std::optional<IpAddress> from_bytes(std::string_view bytes) noexcept;
    /// nullopt when `text` is no address.
    static std::optional<IpAddress> try_parse(std::string_view text) noexcept;
    /// @throws Error{invalid} naming the text
    static IpAddress parse(std::string_view text);

    bool is_v6() const noexcept { return is_v6_; }
    int family() const noexcept;
    /// Bits of an address of this family: 32 or 128.
    unsigned width() const noexcept { return is_v6_ ? 128 : 32; }
    bool is_unspecified() const noexcept;
    bool is_loopback() const noexcept;
    bool is_multicast() const noexcept;
    bool is_link_local() const noexcept;
    /// Network order, 4 or 16 of them.
    std::string_view bytes() const noexcept;
    std::string to_string() const;
    /// The address so many further; wraps within the family.
    IpAddress plus(uint64_t offset) const noexcept;
    /// How far `other` lies above this one; nullopt when below, further than 2^63 or of the other
    /// family.
    std::optional<uint64_t> distance_to(const IpAddress& other) const noexcept;

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

  private:
    bool is_v6_ = false;
    std::array<uint8_t, 16> bytes_{};
};

struct IpPrefix {
    IpAddress address;  ///< of a network: its first address; of an interface: its own
    unsigned length = 0;

    /// "ADDRESS/LENGTH". @throws Error{invalid} naming the text
    static IpPrefix parse(std::string_view text);
    static std::optional<IpPrefix> try_parse(std::string_view text) noexcept;

    bool contains(const IpAddress& other) const noexcept;
    bool overlaps(const IpPrefix& other) const noexcept;
    /// With the host's bits cleared.
    IpPrefix network() const noexcept;
    /// The last address: a broadcast address in IPv4.
    IpAddress last() const noexcept;
    std::string to_string() const;

    friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

class MacAddress {
  public:
    using Bytes = std::array<uint8_t, 6>;
    explicit MacAddress(const Bytes& bytes) noexcept : bytes_(bytes) {}
    /// Six pairs of hexadecimal digits with ':' or '-'. @throws Error{invalid}, also for a group
    /// address
    static MacAddress parse(std::string_view text);
    /// Locally administered, the same for the same address: a neighbour's cache stays right when an
    /// address gets a new owner.
    static MacAddress of_address(const IpAddress& address) noexcept;

    std::string_view bytes() const noexcept;
    std::string to_string() const;
    friend bool operator==(const MacAddress&, const MacAddress&) = default;

  private:
    Bytes bytes_;
};

}  // namespace nau::network
