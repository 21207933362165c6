#include "oci/registry/credentials.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "oci/base64.h"
#include "oci/registry/auth_file.h"
#include "oci/registry/credential_helper.h"
#include "sys/file.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxAuthFileBytes = size_t{4} << 20U;

/// "user:password" as docker stores it, in base64, sometimes with zero bytes behind.
std::optional<Credentials> decode_auth(const json::Field& entry) {
    const auto text = entry.optional_string("auth");
    if (!text || text->empty()) {
        return std::nullopt;
    }
    auto decoded = decode_base64(trim(*text));
    const auto parts = decoded ? split_once(*decoded, ':') : std::nullopt;
    if (!parts) {
        entry.fail("auth is not base64 of USER:PASSWORD");
    }
    std::string_view password = parts->second;
    while (password.ends_with('\0')) {
        password.remove_suffix(1);
    }
    return Credentials{.username = std::string(parts->first), .password = std::string(password)};
}

std::optional<Credentials> parse_entry(const json::Field& entry) {
    auto credentials = decode_auth(entry);
    if (!credentials) {
        credentials = Credentials{.username = entry.string_or("username", ""),
                                  .password = entry.string_or("password", "")};
    }
    credentials->identity_token = entry.string_or("identitytoken", "");
    const bool is_empty = credentials->username.empty() && credentials->identity_token.empty();
    return is_empty ? std::nullopt : credentials;
}

Credentials parse_creds(const std::string& creds) {
    const auto parts = split_once(creds, ':');
    Credentials credentials{.username = std::string(parts ? parts->first : creds),
                            .password = std::string(parts ? parts->second : "")};
    if (credentials.username.empty()) {
        throw Error(ErrorKind::invalid, "invalid --creds: is not USER:PASSWORD");
    }
    return credentials;
}

struct AuthFile {
    std::string path;
    std::string text;
};

}  // namespace

std::optional<std::string> process_environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nau never calls setenv
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string normalize_auth_key(std::string_view key) {
    const size_t scheme = key.find("://");
    const bool is_url = scheme != key.npos;
    if (is_url) {
        key.remove_prefix(scheme + 3);
    }
    while (key.ends_with('/')) {
        key.remove_suffix(1);
    }
    if (is_url) {  // then the path is that of an interface, not a namespace
        key = key.substr(0, key.find('/'));
    }
    const size_t slash = std::min(key.find('/'), key.size());
    std::string registry = to_lower(key.substr(0, slash));
    if (registry == "index.docker.io" || registry == "registry-1.docker.io") {
        registry = "docker.io";
    }
    const std::string_view path = key.substr(slash);
    return path == "/v1" || path == "/v2" ? registry : registry + std::string(path);
}

std::string docker_server_name(std::string_view registry) {
    return registry == "docker.io" ? "https://index.docker.io/v1/" : std::string(registry);
}

std::optional<NamedHelper> find_helper_in_auth_file(std::string_view text,
                                                    std::string_view what,
                                                    std::string_view registry) {
    const json::Value document = json::parse(text, what);
    const auto helpers = json::Field(document, what).find("credHelpers");
    if (helpers) {
        for (const auto& [key, name] : helpers->members()) {
            if (normalize_auth_key(key) == normalize_auth_key(registry)) {
                return NamedHelper{.name = name.as_string(), .server = key};
            }
        }
    }
    return std::nullopt;
}

std::optional<std::string> find_store_in_auth_file(std::string_view text, std::string_view what) {
    const json::Value document = json::parse(text, what);
    auto name = json::Field(document, what).optional_string("credsStore");
    return name && !name->empty() ? name : std::nullopt;
}

std::optional<Credentials> find_in_auth_file(std::string_view text,
                                             std::string_view what,
                                             std::string_view registry,
                                             std::string_view repository) {
    const json::Value document = json::parse(text, what);
    const json::Field root(document, what);
    const auto auths = root.find("auths");
    if (!auths) {
        return std::nullopt;
    }
    std::string wanted = normalize_auth_key(registry);
    if (!repository.empty()) {
        wanted += fmt::format("/{}", repository);
    }
    while (true) {
        for (const auto& [key, entry] : auths->members()) {
            if (normalize_auth_key(key) != wanted) {
                continue;
            }
            // An empty entry says that a helper keeps the credentials.
            if (auto credentials = parse_entry(entry)) {
                return credentials;
            }
        }
        const size_t slash = wanted.rfind('/');
        if (slash == std::string::npos) {
            return std::nullopt;
        }
        wanted.resize(slash);
    }
}

struct FileCredentials::State {
    CredentialOptions options;
    std::once_flag once;
    std::optional<Credentials> fixed;
    std::vector<AuthFile> files;
    std::mutex mutex;  ///< guards what follows; a helper that asks the user does so once
    std::map<std::pair<std::string, std::string>, std::optional<Credentials>> known;

    std::optional<Credentials> find(std::string_view registry, std::string_view repository);
    std::optional<Credentials> find_in_files(std::string_view registry,
                                             std::string_view repository);
    std::optional<Credentials> ask_store(const AuthFile& file, std::string_view registry);
    void load();
    void load_file(const std::filesystem::path& path, bool must_exist);
    void load_default_files();
};

void FileCredentials::State::load_file(const std::filesystem::path& path, bool must_exist) {
    auto text = sys::read_file_if_exists(path.string(), kMaxAuthFileBytes);
    if (!text) {
        if (must_exist) {
            throw Error(ErrorKind::not_found, "auth file '{}' does not exist", path.string());
        }
        return;
    }
    // Podman leaves empty files behind.
    if (!trim(*text).empty()) {
        NAU_LOG_DEBUG("credentials: read {}", path.string());
        files.push_back({.path = path.string(), .text = *std::move(text)});
    }
}

void FileCredentials::State::load_default_files() {
    const auto& environment = options.environment;
    const auto folder = [&](const char* name) -> std::optional<std::filesystem::path> {
        const auto value = environment(name);
        return value && !value->empty() ? std::optional<std::filesystem::path>(*value)
                                        : std::nullopt;
    };
    const auto home = folder("HOME");
    load_file(default_auth_file(environment), false);
    if (const auto config = folder("XDG_CONFIG_HOME")) {
        load_file(*config / "containers/auth.json", false);
    } else if (home) {
        load_file(*home / ".config/containers/auth.json", false);
    }
    if (const auto docker = folder("DOCKER_CONFIG")) {
        load_file(*docker / "config.json", false);
    } else if (home) {
        load_file(*home / ".docker/config.json", false);
    }
}

/// The one for all registries: that it is not installed (a file copied from another machine) must
/// not keep public images away.
std::optional<Credentials> FileCredentials::State::ask_store(const AuthFile& file,
                                                             std::string_view registry) {
    const auto name = find_store_in_auth_file(file.text, file.path);
    if (!name) {
        return std::nullopt;
    }
    try {
        return CredentialHelper(*name, options.environment).get(docker_server_name(registry));
    } catch (const Error& error) {
        NAU_LOG_WARN("{}: {}, ignoring it", file.path, error.text());
        return std::nullopt;
    }
}

std::optional<Credentials> FileCredentials::State::find_in_files(std::string_view registry,
                                                                 std::string_view repository) {
    for (const auto& file : files) {
        if (const auto helper = find_helper_in_auth_file(file.text, file.path, registry)) {
            const CredentialHelper program(helper->name, options.environment);
            if (auto credentials = program.get(helper->server)) {
                return credentials;
            }
        }
        if (auto credentials = find_in_auth_file(file.text, file.path, registry, repository)) {
            return credentials;
        }
        if (auto credentials = ask_store(file, registry)) {
            return credentials;
        }
    }
    return std::nullopt;
}

std::optional<Credentials> FileCredentials::State::find(std::string_view registry,
                                                        std::string_view repository) {
    const bool names_files_only = options.helpers.empty();
    if (names_files_only) {
        return find_in_files(registry, repository);
    }
    for (const auto& name : options.helpers) {
        auto credentials = name == kAuthFilesHelper
                               ? find_in_files(registry, repository)
                               : CredentialHelper(name, options.environment).get(registry);
        if (credentials) {
            return credentials;
        }
    }
    return std::nullopt;
}

void FileCredentials::State::load() {
    if (options.creds) {
        fixed = parse_creds(*options.creds);
        return;
    }
    if (options.authfile) {
        load_file(*options.authfile, true);
        return;
    }
    if (const auto named = options.environment("REGISTRY_AUTH_FILE"); named && !named->empty()) {
        load_file(*named, true);
        return;
    }
    load_default_files();
}

FileCredentials::FileCredentials(CredentialOptions options) : state_(std::make_unique<State>()) {
    if (!options.environment) {
        options.environment = process_environment;
    }
    state_->options = std::move(options);
}

FileCredentials::~FileCredentials() = default;

std::optional<Credentials> FileCredentials::find(std::string_view registry,
                                                 std::string_view repository) {
    std::call_once(state_->once, [&] { state_->load(); });
    if (state_->fixed) {
        return state_->fixed;
    }
    const std::lock_guard lock(state_->mutex);
    const auto key = std::pair(std::string(registry), std::string(repository));
    const auto found = state_->known.find(key);
    return found != state_->known.end()
               ? found->second
               : state_->known.emplace(key, state_->find(registry, repository)).first->second;
}

}  // namespace nau::oci
