#pragma once

// Writing what login and logout change: the auth file that podman, skopeo and docker read as well
// (mode 0600, replaced as a whole), or the helper program that it names. Members that nau does not
// know are kept.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/registry/credentials.h"

namespace nau::oci {

/// Where podman keeps its own: $XDG_RUNTIME_DIR/containers/auth.json, or
/// /run/containers/UID/auth.json.
std::filesystem::path default_auth_file(const EnvironmentLookup& environment);

/// The text of the file with the entry set; an empty text is an empty file. Pure.
/// @throws Error{corrupt}
std::string with_auth_entry(std::string_view text,
                            std::string_view what,
                            const std::string& key,
                            const Credentials& credentials);
/// Without the entries that mean the registry or namespace; nullopt: there was none. Pure.
std::optional<std::string> without_auth_entry(std::string_view text,
                                              std::string_view what,
                                              std::string_view key);

struct CredentialStoreOptions {
    /// --authfile; else $REGISTRY_AUTH_FILE, else default_auth_file().
    std::optional<std::filesystem::path> authfile = {};
    /// --compat-auth-file: keys as docker writes them.
    bool is_docker_format = false;
    /// credential-helpers of registries.conf.
    std::vector<std::string> helpers = {};
    /// Empty: the process's own environment.
    EnvironmentLookup environment = {};
};

class CredentialStore {
  public:
    explicit CredentialStore(CredentialStoreOptions options);

    const std::filesystem::path& file() const noexcept { return file_; }

    /// @param key "REGISTRY[/NAMESPACE]" @returns what they were written to, for people
    std::string store(const std::string& key, const Credentials& credentials);
    /// false when there were none.
    bool remove(const std::string& key);
    /// Of the file and of the helpers that it names.
    void remove_all();

  private:
    std::string read() const;
    void write(std::string_view text) const;
    std::optional<NamedHelper> helper_for(const std::string& text, const std::string& key) const;

    CredentialStoreOptions options_;
    std::filesystem::path file_;
};

}  // namespace nau::oci
