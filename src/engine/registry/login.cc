#include "engine/registry/login.h"

#include <atomic>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "config/registries_conf.h"
#include "engine/engine.h"
#include "engine/image/registry_access.h"
#include "oci/reference.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/client.h"
#include "oci/registry/credentials.h"
#include "oci/registry/resolver.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// The ones to be tried. Remembers whether the registry wanted any.
class TriedCredentials final : public oci::CredentialSource {
  public:
    explicit TriedCredentials(oci::Credentials credentials)
        : credentials_(std::move(credentials)) {}

    std::optional<oci::Credentials> find(std::string_view /*registry*/,
                                         std::string_view /*repository*/) override {
        was_asked_ = true;
        return credentials_;
    }
    bool was_asked() const noexcept { return was_asked_; }

  private:
    oci::Credentials credentials_;
    std::atomic<bool> was_asked_ = false;
};

std::string host_of(const std::string& key) {
    return key.substr(0, key.find('/'));
}

oci::CredentialStore open_store(Engine& engine, const LoginFiles& files) {
    oci::CredentialStoreOptions options;
    if (!files.authfile.empty() && !files.compat_auth_file.empty()) {
        throw Error(ErrorKind::invalid, "--authfile and --compat-auth-file exclude each other");
    }
    if (!files.authfile.empty()) {
        options.authfile = files.authfile;
    }
    if (!files.compat_auth_file.empty()) {
        options.authfile = files.compat_auth_file;
        options.is_docker_format = true;
    }
    options.helpers =
        engine.registries_conf().credential_helpers.value_or(std::vector<std::string>{});
    return oci::CredentialStore(std::move(options));
}

}  // namespace

std::string login_key(Engine& engine, const std::string& registry) {
    const std::string key =
        oci::normalize_auth_key(registry.empty() ? default_registry(engine) : registry);
    (void)oci::resolve_host(host_of(key),
                            oci::TlsPolicy::by_default);  // throws for what is no host
    if (key.find('/') != std::string::npos) {
        const auto reference = oci::parse_reference(key);
        if (reference.name() != key) {
            throw Error(
                ErrorKind::invalid, "'{}' is neither a registry nor a part of one", registry);
        }
    }
    return key;
}

std::string log_in(Engine& engine, const LoginOptions& options, std::stop_token stop) {
    const oci::Credentials credentials{.username = options.username, .password = options.password};
    const auto tried = std::make_shared<TriedCredentials>(credentials);
    oci::ClientOptions client =
        client_options(engine, options.registry, RegistryUse::write, nullptr, std::move(stop));
    client.credentials = tried;
    const std::string host = host_of(options.key);
    try {
        oci::make_registry_client(std::move(client))->ping(host);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::permission_denied || !tried->was_asked()) {
            throw;
        }
        throw Error(ErrorKind::permission_denied, "logging in to {}: {}", host, error.text())
            .with_hint("check user name and password");
    }
    if (!tried->was_asked()) {
        NAU_LOG_WARN("{} asks for no credentials: they are stored untried", host);
    }
    return open_store(engine, options.files).store(options.key, credentials);
}

std::optional<KnownLogin> find_login(Engine& engine,
                                     const std::string& key,
                                     const LoginFiles& files) {
    const oci::CredentialStore store = open_store(engine, files);
    oci::CredentialOptions options;
    options.helpers =
        engine.registries_conf().credential_helpers.value_or(std::vector<std::string>{});
    const auto named = oci::process_environment("REGISTRY_AUTH_FILE");
    if (!files.authfile.empty() || !files.compat_auth_file.empty() || (named && !named->empty())) {
        if (!sys::file_exists(store.file().string())) {
            return std::nullopt;
        }
        options.authfile = store.file();
    }
    const size_t slash = key.find('/');
    const auto found =
        oci::FileCredentials(std::move(options))
            .find(key.substr(0, slash), slash == key.npos ? "" : key.substr(slash + 1));
    if (!found || found->username.empty()) {
        return std::nullopt;
    }
    return KnownLogin{.username = found->username, .password = found->password};
}

void log_out(Engine& engine, const std::string& key, const LoginFiles& files) {
    const bool was_there = open_store(engine, files).remove(key);
    const auto left = find_login(engine, key, files);
    if (!was_there && !left) {
        throw Error(ErrorKind::not_found, "not logged in to {}", key);
    }
    if (!was_there) {
        throw Error(ErrorKind::not_found, "{} is known from another file", key)
            .with_hint("name the file with --authfile or, if docker's, --compat-auth-file");
    }
    if (left) {
        NAU_LOG_WARN("credentials for {} are left in another file, for a wider name or in docker's",
                     key);
    }
}

void log_out_everywhere(Engine& engine, const LoginFiles& files) {
    open_store(engine, files).remove_all();
}

}  // namespace nau::engine
