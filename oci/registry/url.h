#pragma once

// An http or https URL, strictly parsed, so that what the rules (same origin? loopback?) looked at
// is what the connection is made to: curl is handed to_string(), never a stranger's text. User
// names in URLs, other schemes, control characters and fragments do not survive parsing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nau::oci {

struct Url {
    /// "http" or "https"
    std::string scheme;
    /// Lower case; IPv6 addresses in brackets.
    std::string host;
    /// Always set: the scheme's when none was written.
    uint16_t port = 0;
    /// With leading slash and query: "/v2/?a=b".
    std::string target = "/";

    bool is_https() const noexcept { return scheme == "https"; }
    bool operator==(const Url&) const = default;
};

/// nullopt for anything but a well-formed absolute http or https URL.
std::optional<Url> parse_url(std::string_view text);

/// What a Location header means at `base`: an absolute URL, "//host/…", "/…", "?…" or a relative
/// path. nullopt when it is none of them.
std::optional<Url> resolve_url(const Url& base, std::string_view location);

/// The port is left out when it is the scheme's own.
std::string to_string(const Url& url);
/// "https://host[:port]"
std::string origin_of(const Url& url);
/// "host[:port]", as a user would write the registry.
std::string authority_of(const Url& url);

/// Whether scheme, host and port are equal: only there may credentials go.
bool is_same_origin(const Url& a, const Url& b) noexcept;

/// "localhost", 127.0.0.0/8 or [::1]; by the text, nothing is resolved.
bool is_loopback_host(std::string_view host) noexcept;

/// A query value: all but unreserved characters as %XX.
std::string percent_encode(std::string_view text);

}  // namespace nau::oci
