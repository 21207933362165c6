#pragma once

// What the user says about registries in one command; plain data.

#include <chrono>
#include <optional>
#include <string>

namespace nau::engine {

struct RegistryFlags {
    /// --tls-verify: true insists, false forgoes; not set: as the administrator configured.
    std::optional<bool> tls_verify = {};
    std::string creds = {};     ///< "user[:password]"
    std::string authfile = {};  ///< empty: the usual places
    std::string cert_dir = {};  ///< empty: certs.d
    std::optional<int> retries = {};
    std::optional<std::chrono::milliseconds> retry_delay = {};
    /// Layers at a time; 0: by the configuration.
    unsigned max_concurrent_downloads = 0;
};

}  // namespace nau::engine
