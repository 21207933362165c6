#pragma once

// Where a repository is to be asked for: endpoints in the order of preference, which the caller
// knows from the administrator's files (mirrors first, the repository itself last), and for each
// endpoint's host the origins to try until one answers in HTTP:
//
//   docker.io             https://registry-1.docker.io
//   quay.io               https://quay.io
//   localhost:5000        http, then https    (loopback: plain HTTP is usual, nobody listens in)
//   localhost             https on 443, then http on 80
//   insecure              https unverified, then http
//   --tls-verify=true     https, whatever else was said

#include <string>
#include <string_view>
#include <vector>

#include "oci/registry/url.h"

namespace nau::oci {

/// One place that may have what a reference names.
struct RegistryEndpoint {
    /// HOST[:PORT]; also the name under which credentials are kept.
    std::string registry;
    /// What the repository is called there.
    std::string repository;
    /// Certificates are not checked, and plain HTTP will do, unless the user insists on TLS.
    bool is_insecure = false;
    /// Passed over when it fails in any way.
    bool is_mirror = false;
    /// For a mirror of several registries: the one that is meant, told as "?ns=".
    std::string upstream = {};

    bool operator==(const RegistryEndpoint&) const = default;
};

enum class TlsPolicy {
    by_default,  ///< verified https, and plain HTTP on loopback
    required,    ///< verified https only
    insecure,    ///< anything
};

struct RegistryHost {
    /// The name under which credentials are kept.
    std::string registry;
    /// At least one; target is "/".
    std::vector<Url> origins;
    bool verifies_tls = true;

    bool operator==(const RegistryHost&) const = default;
};

/// @throws Error{invalid} for a registry that is no host. Pure.
RegistryHost resolve_host(std::string_view registry, TlsPolicy policy);

}  // namespace nau::oci
