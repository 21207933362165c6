#pragma once

// How the administrator wants registries to be spoken to. Which host and port that means, and that
// loopback needs no TLS, is the knowledge of oci/registry/resolver; this is only what was said.
// Registries are written as in complete references: "docker.io", "localhost:5000". Blocked and
// remapped prefixes (registries.conf version 2 of containers' tools) will be further members.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nau::config {

struct Registries {
    /// A certificate that nobody vouches for and plain HTTP are accepted from these.
    std::vector<std::string> insecure = {};
    /// Registry → HOST[:PORT] to ask before it, in this order.
    std::map<std::string, std::vector<std::string>> mirrors = {};

    bool is_insecure(std::string_view registry) const noexcept;

    friend bool operator==(const Registries&, const Registries&) = default;
};

}  // namespace nau::config
