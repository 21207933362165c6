#include "network/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::network {

namespace {

constexpr size_t kV4Bytes = 4;

/// Clears all bits behind the first `length`.
void mask(std::array<uint8_t, 16>& bytes, unsigned length) noexcept {
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned kept = length > i * 8 ? std::min(8U, length - i * 8) : 0;
        bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00U >> kept));
    }
}

std::array<uint8_t, 16> to_array(const IpAddress& address) noexcept {
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), address.bytes().data(), address.bytes().size());
    return bytes;
}

IpAddress from_array(const std::array<uint8_t, 16>& bytes, bool is_v6) noexcept {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), is_v6 ? 16 : kV4Bytes);
    return *IpAddress::from_bytes(text);
}

std::optional<unsigned> hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A' + 10);
    }
    return std::nullopt;
}

}  // namespace

IpAddress IpAddress::v4(uint32_t host_order) noexcept {
    IpAddress address;
    for (unsigned i = 0; i < kV4Bytes; ++i) {
        address.bytes_[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    }
    return address;
}

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& bytes) noexcept {
    IpAddress address;
    address.is_v6_ = true;
    address.bytes_ = bytes;
    return address;
}

std::optional<IpAddress> IpAddress::from_bytes(std::string_view bytes) noexcept {
    if (bytes.size() != kV4Bytes && bytes.size() != 16) {
        return std::nullopt;
    }
    IpAddress address;
    address.is_v6_ = bytes.size() == 16;
    std::memcpy(address.bytes_.data(), bytes.data(), bytes.size());
    return address;
}

std::optional<IpAddress> IpAddress::try_parse(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.empty() || text.size() >= copy.size() || text.find('\0') != text.npos) {
        return std::nullopt;
    }
    std::memcpy(copy.data(), text.data(), text.size());
    IpAddress address;
    address.is_v6_ = text.find(':') != text.npos;
    if (::inet_pton(address.family(), copy.data(), address.bytes_.data()) != 1) {
        return std::nullopt;
    }
    return address;
}

IpAddress IpAddress::parse(std::string_view text) {
    if (const auto address = try_parse(text)) {
        return *address;
    }
    throw Error(ErrorKind::invalid, "'{}' is not an IP address", text);
}

int IpAddress::family() const noexcept {
    return is_v6_ ? AF_INET6 : AF_INET;
}

bool IpAddress::is_unspecified() const noexcept {
    return std::ranges::all_of(bytes_, [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (!is_v6_) {
        return bytes_[0] == 127;
    }
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
           bytes_[15] == 1;
}

bool IpAddress::is_multicast() const noexcept {
    return is_v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0U) == 0xe0;
}

bool IpAddress::is_link_local() const noexcept {
    return is_v6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80
                  : bytes_[0] == 169 && bytes_[1] == 254;
}

std::string_view IpAddress::bytes() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), is_v6_ ? bytes_.size() : kV4Bytes};
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    (void)::inet_ntop(family(), bytes_.data(), text.data(), text.size());  // cannot fail
    return text.data();
}

IpAddress IpAddress::plus(uint64_t offset) const noexcept {
    IpAddress sum = *this;
    unsigned carry = 0;
    for (size_t i = bytes().size(); i-- > 0;) {
        const unsigned byte = sum.bytes_[i] + static_cast<unsigned>(offset & 0xffU) + carry;
        sum.bytes_[i] = static_cast<uint8_t>(byte);
        carry = byte >> 8U;
        offset >>= 8U;
    }
    return sum;
}

std::optional<uint64_t> IpAddress::distance_to(const IpAddress& other) const noexcept {
    if (is_v6_ != other.is_v6_ || other < *this) {
        return std::nullopt;
    }
    uint64_t distance = 0;
    int borrow = 0;
    const size_t size = bytes().size();
    for (size_t i = size; i-- > 0;) {
        int byte = other.bytes_[i] - bytes_[i] - borrow;
        borrow = byte < 0 ? 1 : 0;
        byte += borrow * 256;
        const size_t place = size - 1 - i;
        if (place < 8) {
            distance |= static_cast<uint64_t>(byte) << (8 * place);
        } else if (byte != 0) {
            return std::nullopt;
        }
    }
    return distance >> 63U == 0 ? std::optional(distance) : std::nullopt;
}

std::optional<IpPrefix> IpPrefix::try_parse(std::string_view text) noexcept {
    const auto parts = split_once(text, '/');
    if (!parts) {
        return std::nullopt;
    }
    const auto address = IpAddress::try_parse(parts->first);
    const auto length = parse_uint64(parts->second);
    if (!address || !length || *length > address->width()) {
        return std::nullopt;
    }
    return IpPrefix{.address = *address, .length = static_cast<unsigned>(*length)};
}

IpPrefix IpPrefix::parse(std::string_view text) {
    if (const auto prefix = try_parse(text)) {
        return *prefix;
    }
    throw Error(ErrorKind::invalid, "'{}' is not of the form ADDRESS/LENGTH", text);
}

bool IpPrefix::contains(const IpAddress& other) const noexcept {
    return other.is_v6() == address.is_v6() &&
           IpPrefix{.address = other, .length = length}.network().address == network().address;
}

bool IpPrefix::overlaps(const IpPrefix& other) const noexcept {
    return length <= other.length ? contains(other.address) : other.contains(address);
}

IpPrefix IpPrefix::network() const noexcept {
    auto bytes = to_array(address);
    mask(bytes, length);
    return {.address = from_array(bytes, address.is_v6()), .length = length};
}

IpAddress IpPrefix::last() const noexcept {
    auto ones = std::array<uint8_t, 16>{};
    ones.fill(0xff);
    mask(ones, length);
    auto bytes = to_array(address);
    for (size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<uint8_t>(bytes[i] | ~ones[i]);
    }
    return from_array(bytes, address.is_v6());
}

std::string IpPrefix::to_string() const {
    return fmt::format("{}/{}", address.to_string(), length);
}

MacAddress MacAddress::parse(std::string_view text) {
    Bytes bytes{};
    bool is_valid = text.size() == 17;
    for (size_t i = 0; is_valid && i < bytes.size(); ++i) {
        const auto high = hex_digit(text[i * 3]);
        const auto low = hex_digit(text[i * 3 + 1]);
        is_valid = high && low && (i == 5 || text[i * 3 + 2] == ':' || text[i * 3 + 2] == '-');
        bytes[i] = is_valid ? static_cast<uint8_t>(*high * 16 + *low) : 0;
    }
    if (!is_valid) {
        throw Error(ErrorKind::invalid, "'{}' is not a MAC address", text)
            .with_hint("six pairs of hexadecimal digits, as in 92:d0:c6:0a:29:33");
    }
    if ((bytes[0] & 1U) != 0) {
        throw Error(ErrorKind::invalid, "'{}' is a group's MAC address, not a device's", text);
    }
    return MacAddress(bytes);
}

MacAddress MacAddress::of_address(const IpAddress& address) noexcept {
    const std::string_view bytes = address.bytes();
    Bytes mac{0x0a, 0x6e};
    for (size_t i = 0; i < 4; ++i) {
        mac[2 + i] = static_cast<uint8_t>(bytes[bytes.size() - 4 + i]);
    }
    return MacAddress(mac);
}

std::string_view MacAddress::bytes() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

std::string MacAddress::to_string() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
                       bytes_[0],
                       bytes_[1],
                       bytes_[2],
                       bytes_[3],
                       bytes_[4],
                       bytes_[5]);
}

}  // namespace nau::network
