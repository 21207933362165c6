#include "oci/registry/url.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/parse.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxUrlLength = size_t{16} << 10U;  // signed links of object stores have a few kB

uint16_t default_port(std::string_view scheme) noexcept {
    return scheme == "https" ? 443 : 80;
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_host_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 255 && text.front() != '.' && text.front() != '-' &&
           text.find("..") == text.npos && std::all_of(text.begin(), text.end(), [](char c) {
               return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
           });
}

bool is_ipv6_literal(std::string_view text) noexcept {
    return text.size() >= 4 && text.front() == '[' && text.back() == ']' &&
           std::all_of(text.begin() + 1, text.end() - 1, [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                      c == '.';
           });
}

/// Printable ASCII that a request line can carry. Lenient about what RFC 3986 would have encoded.
bool is_target(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < '\x7f' && c != '\\' && c != '"' && c != '<' && c != '>';
    });
}

std::optional<Url> parse_authority(std::string_view scheme, std::string_view authority) {
    const size_t bracket = authority.find(']');
    const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    const std::string_view host = authority.substr(0, colon);
    if (!is_host_name(host) && !is_ipv6_literal(host)) {
        return std::nullopt;
    }
    Url url{.scheme = std::string(scheme), .host = to_lower(host), .port = default_port(scheme)};
    if (colon != authority.npos) {
        const auto port = parse_uint64(authority.substr(colon + 1));
        if (!port || *port == 0 || *port > 65535) {
            return std::nullopt;
        }
        url.port = static_cast<uint16_t>(*port);
    }
    return url;
}

/// Scheme and the text after "scheme:"; nullopt when the text has no scheme.
std::optional<std::pair<std::string, std::string_view>> split_scheme(std::string_view text) {
    const size_t end = text.find_first_of(":/?#");
    if (end == text.npos || end == 0 || text[end] != ':') {
        return std::nullopt;
    }
    return std::pair{to_lower(text.substr(0, end)), text.substr(end + 1)};
}

/// `rest` is "//authority[/path][?query][#fragment]".
std::optional<Url> parse_after_scheme(std::string_view scheme, std::string_view rest) {
    if (!rest.starts_with("//")) {
        return std::nullopt;
    }
    rest.remove_prefix(2);
    const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    auto url = parse_authority(scheme, rest.substr(0, end));
    const std::string_view target = rest.substr(end, rest.find('#') - end);
    if (!url || !is_target(target)) {
        return std::nullopt;
    }
    url->target = target.starts_with('/') ? std::string(target) : fmt::format("/{}", target);
    return url;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
    const auto parts = split_scheme(text);
    if (text.size() > kMaxUrlLength || !parts ||
        (parts->first != "http" && parts->first != "https")) {
        return std::nullopt;
    }
    return parse_after_scheme(parts->first, parts->second);
}

std::optional<Url> resolve_url(const Url& base, std::string_view location) {
    if (location.size() > kMaxUrlLength || location.empty()) {
        return std::nullopt;
    }
    if (split_scheme(location)) {
        return parse_url(location);
    }
    if (location.starts_with("//")) {
        return parse_after_scheme(base.scheme, location);
    }
    const std::string_view target = location.substr(0, location.find('#'));
    if (!is_target(target)) {
        return std::nullopt;
    }
    Url url = base;
    const std::string_view base_target = base.target;
    const std::string_view base_path = base_target.substr(0, base_target.find('?'));
    if (target.starts_with('/')) {
        url.target = target;
    } else if (target.empty() || target.starts_with('?')) {
        url.target = fmt::format("{}{}", base_path, target);
    } else {
        url.target = fmt::format("{}{}", base_path.substr(0, base_path.rfind('/') + 1), target);
    }
    return url;
}

std::string authority_of(const Url& url) {
    return url.port == default_port(url.scheme) ? url.host
                                                : fmt::format("{}:{}", url.host, url.port);
}

std::string origin_of(const Url& url) {
    return fmt::format("{}://{}", url.scheme, authority_of(url));
}

std::string to_string(const Url& url) {
    return origin_of(url) + url.target;
}

bool is_same_origin(const Url& a, const Url& b) noexcept {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

bool is_loopback_host(std::string_view host) noexcept {
    if (host == "localhost" || host == "[::1]") {
        return true;
    }
    const auto parts = split(host, '.');
    return parts.size() == 4 && parts[0] == "127" &&
           std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
               const auto number = parse_uint64(part);
               return number && *number <= 255 && part.size() <= 3;
           });
}

std::string percent_encode(std::string_view text) {
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded.push_back(c);
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

}  // namespace nau::oci
