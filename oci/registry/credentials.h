#pragma once

// Who the user is to a registry. Looked up in this order, the first that knows the registry wins:
//
//   --creds USER[:PASSWORD]
//   --authfile FILE, or else $REGISTRY_AUTH_FILE            (alone: no other file is read then)
//   $XDG_RUNTIME_DIR/containers/auth.json  (/run/containers/UID/…)
//   $XDG_CONFIG_HOME/containers/auth.json  (~/.config/…)
//   $DOCKER_CONFIG/config.json             (~/.docker/…)
//
// Within a file the most specific key wins: "quay.io/org/app", "quay.io/org", "quay.io"; a helper
// program that the file names for the registry (credHelpers) goes before, the one for all
// (credsStore) after. No error and no log line ever holds a secret.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nau::oci {

struct Credentials {
    std::string username = {};
    std::string password = {};
    /// An OAuth2 refresh token in place of user name and password.
    std::string identity_token = {};

    bool operator==(const Credentials&) const = default;
};

/// Where credentials come from: the seam for tests.
class CredentialSource {
  public:
    CredentialSource() = default;
    CredentialSource(const CredentialSource&) = delete;
    CredentialSource& operator=(const CredentialSource&) = delete;
    virtual ~CredentialSource() = default;

    /// @param repository without the registry, e.g. "library/alpine"; may be empty
    /// nullopt: go anonymously. May be called from several threads.
    virtual std::optional<Credentials> find(std::string_view registry,
                                            std::string_view repository) = 0;
};

/// Looks a variable of the environment up; passed in, so that tests need no environment.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* name)>;

struct CredentialOptions {
    /// "USER[:PASSWORD]" of --creds.
    std::optional<std::string> creds = {};
    /// --authfile
    std::optional<std::filesystem::path> authfile = {};
    /// credential-helpers of registries.conf, in this order; "containers-auth.json" stands for the
    /// files. Empty: the files only.
    std::vector<std::string> helpers = {};
    /// Empty: the process's own environment.
    EnvironmentLookup environment = {};
};

/// The documented look-up; files are read at the first question.
class FileCredentials final : public CredentialSource {
  public:
    explicit FileCredentials(CredentialOptions options);
    ~FileCredentials() override;
    FileCredentials(const FileCredentials&) = delete;
    FileCredentials& operator=(const FileCredentials&) = delete;

    /// @throws Error{invalid} for a malformed --creds, Error{corrupt} for an unreadable file,
    /// Error{not_found} for an --authfile that does not exist
    std::optional<Credentials> find(std::string_view registry,
                                    std::string_view repository) override;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

inline constexpr std::string_view kAuthFilesHelper = "containers-auth.json";

/// The variable of this process.
std::optional<std::string> process_environment(const char* name);

/// Keys of auth files are "host[:port][/path]"; docker also writes "https://host/v1/", and calls
/// its hub "index.docker.io". Pure.
std::string normalize_auth_key(std::string_view key);

/// What docker and its helpers call a registry. Pure.
std::string docker_server_name(std::string_view registry);

/// The helper that a file names for the registry, by the key it is named under; nullopt: none.
struct NamedHelper {
    std::string name;
    std::string server;
};
std::optional<NamedHelper> find_helper_in_auth_file(std::string_view text,
                                                    std::string_view what,
                                                    std::string_view registry);
/// credsStore. @throws Error{corrupt}
std::optional<std::string> find_store_in_auth_file(std::string_view text, std::string_view what);

/// Parses the contents of one auth file and finds the entry for the registry and repository. Pure.
/// @param what names the file in errors @throws Error{corrupt}
std::optional<Credentials> find_in_auth_file(std::string_view text,
                                             std::string_view what,
                                             std::string_view registry,
                                             std::string_view repository);

}  // namespace nau::oci
