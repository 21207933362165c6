#include "oci/registry/resolver.h"

#include <doctest/doctest.h>

#include "base/error.h"

using nau::oci::resolve_host;
using nau::oci::TlsPolicy;

namespace {

/// "registry: origin origin"
std::string describe(std::string_view registry, TlsPolicy policy) {
    const auto host = resolve_host(registry, policy);
    std::string text = host.registry + ":";
    for (const auto& origin : host.origins) {
        text += " " + to_string(origin);
    }
    return text;
}

}  // namespace

TEST_CASE("registries are found at their origins") {
    constexpr auto kDefault = TlsPolicy::by_default;
    constexpr auto kRequired = TlsPolicy::required;
    constexpr auto kInsecure = TlsPolicy::insecure;
    struct Row {
        const char* registry;
        TlsPolicy policy;
        const char* host;
    };
    for (const auto& row : {
             Row{"docker.io", kDefault, "docker.io: https://registry-1.docker.io/"},
             Row{"quay.io", kDefault, "quay.io: https://quay.io/"},
             Row{"quay.io", kRequired, "quay.io: https://quay.io/"},
             Row{"reg:5000", kDefault, "reg:5000: https://reg:5000/"},
             Row{"reg:5000", kInsecure, "reg:5000: https://reg:5000/ http://reg:5000/"},
             Row{"reg", kInsecure, "reg: https://reg/ http://reg/"},
             Row{"localhost:5000",
                 kDefault,
                 "localhost:5000: http://localhost:5000/ https://localhost:5000/"},
             Row{"localhost:5000", kRequired, "localhost:5000: https://localhost:5000/"},
             Row{"127.0.0.1:5000",
                 kInsecure,
                 "127.0.0.1:5000: http://127.0.0.1:5000/ https://127.0.0.1:5000/"},
             Row{"[::1]:5000", kDefault, "[::1]:5000: http://[::1]:5000/ https://[::1]:5000/"},
             Row{"[::1]", kDefault, "[::1]: https://[::1]/ http://[::1]/"},
             Row{"localhost", kDefault, "localhost: https://localhost/ http://localhost/"},
             Row{"localhost", kRequired, "localhost: https://localhost/"},
         }) {
        CAPTURE(row.registry);
        CHECK(describe(row.registry, row.policy) == row.host);
        CHECK(resolve_host(row.registry, row.policy).verifies_tls ==
              (row.policy != TlsPolicy::insecure));
    }
}

TEST_CASE("what is no host is refused") {
    for (const std::string bad : {"", "a/b", "user@a", "a:0", "a?b", "a#b", "a b", "https://a"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(resolve_host(bad, TlsPolicy::by_default), nau::Error);
    }
}
