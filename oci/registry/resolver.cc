#include "oci/registry/resolver.h"

#include "base/error.h"

namespace nau::oci {

namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubHost = "registry-1.docker.io";

Url make_origin(std::string_view scheme, std::string_view authority) {
    auto url = parse_url(fmt::format("{}://{}/", scheme, authority));
    // Only host and port may be written: no path, no user.
    if (!url || authority.find_first_of("/?#") != authority.npos) {
        throw Error(ErrorKind::invalid, "invalid registry '{}' (HOST or HOST:PORT)", authority);
    }
    return *std::move(url);
}

bool has_port(std::string_view authority) noexcept {
    const size_t bracket = authority.find(']');
    return authority.find(':', bracket == authority.npos ? 0 : bracket) != authority.npos;
}

}  // namespace

RegistryHost resolve_host(std::string_view registry, TlsPolicy policy) {
    const std::string_view authority = registry == kHub ? kHubHost : registry;
    Url https = make_origin("https", authority);
    Url http = make_origin("http", authority);
    RegistryHost host{.registry = std::string(registry),
                      .origins = {},
                      .verifies_tls = policy != TlsPolicy::insecure};
    const bool is_local = is_loopback_host(https.host);
    if (policy == TlsPolicy::required) {
        host.origins = {std::move(https)};
    } else if (is_local && has_port(authority)) {
        host.origins = {std::move(http), std::move(https)};
    } else if (is_local || policy == TlsPolicy::insecure) {
        host.origins = {std::move(https), std::move(http)};
    } else {
        host.origins = {std::move(https)};
    }
    return host;
}

}  // namespace nau::oci
