#pragma once

// Which certificates a TLS connection is made with: the system's CA bundle, found at run time
// because a static binary serves every distribution, and what the administrator laid down for one
// registry in certs.d:
//
//   /etc/containers/certs.d/HOST[:PORT]/  *.crt  further CAs
//                                         *.cert and *.key of equal name: who we are

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/registry/credentials.h"
#include "oci/registry/url.h"

namespace nau::oci {

/// Where the system's CAs are; at least one is set unless the host has none.
struct SystemCas {
    /// All of them in one PEM file: $SSL_CERT_FILE, or the first of the distributions' places.
    std::optional<std::filesystem::path> bundle = {};
    /// One file each under OpenSSL's hashed names. Not looked for when SSL_CERT_FILE is set.
    std::optional<std::filesystem::path> directory = {};

    bool operator==(const SystemCas&) const = default;
};

SystemCas find_system_cas(const EnvironmentLookup& environment);

/// Whether the directory holds a name of eight hexadecimal digits, a point and a digit.
bool has_hashed_names(const std::filesystem::path& directory);

struct RegistryCertificates {
    std::vector<std::filesystem::path> cas = {};
    /// Certificate and key; both or neither.
    std::filesystem::path client_certificate = {};
    std::filesystem::path client_key = {};
};

/// The files of one folder, in the order of their names. @throws Error{invalid} for a certificate
/// without its key, SysError
RegistryCertificates read_certificate_folder(const std::filesystem::path& folder);

/// Of the first of `certs_dirs` that has a folder for the host; none if none has.
/// @throws as read_certificate_folder
RegistryCertificates find_registry_certificates(std::span<const std::filesystem::path> certs_dirs,
                                                const Url& url);

}  // namespace nau::oci
