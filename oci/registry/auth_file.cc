#include "oci/registry/auth_file.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "oci/base64.h"
#include "oci/registry/credential_helper.h"
#include "sys/file.h"
#include "sys/lock_file.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxAuthFileBytes = size_t{4} << 20U;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateDirectory = 0700;

json::Value parse_auth_file(std::string_view text, std::string_view what) {
    json::Value document = trim(text).empty() ? json::Value::object() : json::parse(text, what);
    const json::Field root(document, what);
    if (!document.is_object()) {
        root.fail("is not an object");
    }
    (void)(root.find("auths") ? root.at("auths").members() : decltype(root.members()){});
    return document;
}

std::string registry_of(std::string_view key) {
    return std::string(key.substr(0, key.find('/')));
}

}  // namespace

std::filesystem::path default_auth_file(const EnvironmentLookup& environment) {
    if (const auto runtime = environment("XDG_RUNTIME_DIR"); runtime && !runtime->empty()) {
        return std::filesystem::path(*runtime) / "containers/auth.json";
    }
    return fmt::format("/run/containers/{}/auth.json", ::geteuid());
}

std::string with_auth_entry(std::string_view text,
                            std::string_view what,
                            const std::string& key,
                            const Credentials& credentials) {
    json::Value document = parse_auth_file(text, what);
    json::Value entry = json::Value::object();
    if (!credentials.identity_token.empty()) {
        entry["identitytoken"] = credentials.identity_token;
    }
    if (!credentials.username.empty()) {
        entry["auth"] =
            encode_base64(fmt::format("{}:{}", credentials.username, credentials.password));
    }
    document["auths"][key] = std::move(entry);
    return json::to_pretty_text(document);
}

std::optional<std::string> without_auth_entry(std::string_view text,
                                              std::string_view what,
                                              std::string_view key) {
    json::Value document = parse_auth_file(text, what);
    const auto auths = document.find("auths");
    if (auths == document.end() || auths->is_null()) {
        return std::nullopt;
    }
    const std::string wanted = normalize_auth_key(key);
    bool has_removed = false;
    for (auto entry = auths->begin(); entry != auths->end();) {
        const bool is_meant = normalize_auth_key(entry.key()) == wanted;
        has_removed = has_removed || is_meant;
        entry = is_meant ? auths->erase(entry) : std::next(entry);
    }
    return has_removed ? std::optional(json::to_pretty_text(document)) : std::nullopt;
}

CredentialStore::CredentialStore(CredentialStoreOptions options) : options_(std::move(options)) {
    if (!options_.environment) {
        options_.environment = process_environment;
    }
    if (options_.authfile) {
        file_ = *options_.authfile;
    } else if (const auto named = options_.environment("REGISTRY_AUTH_FILE");
               named && !named->empty()) {
        file_ = *named;
    } else {
        file_ = default_auth_file(options_.environment);
    }
}

std::string CredentialStore::read() const {
    return sys::read_file_if_exists(file_.string(), kMaxAuthFileBytes).value_or("");
}

void CredentialStore::write(std::string_view text) const {
    sys::write_file_atomic(file_.string(), text, kPrivateFile, sys::Durability::durable);
}

/// The one that the file names for the registry, or that registries.conf names for all.
std::optional<NamedHelper> CredentialStore::helper_for(const std::string& text,
                                                       const std::string& key) const {
    const std::string what = file_.string();
    if (!trim(text).empty()) {
        if (auto helper = find_helper_in_auth_file(text, what, registry_of(key))) {
            return helper;
        }
        if (auto name = find_store_in_auth_file(text, what)) {
            return NamedHelper{*std::move(name), docker_server_name(key)};
        }
    }
    const bool names_file =
        options_.helpers.empty() || options_.helpers.front() == kAuthFilesHelper;
    return names_file ? std::nullopt : std::optional(NamedHelper{options_.helpers.front(), key});
}

std::string CredentialStore::store(const std::string& key, const Credentials& credentials) {
    if (file_.has_parent_path()) {
        sys::make_directories(file_.parent_path().string(), kPrivateDirectory);
    }
    const auto lock = sys::FileLock::exclusive(file_.string() + ".lock");
    const std::string text = read();
    if (const auto helper = helper_for(text, key)) {
        CredentialHelper(helper->name, options_.environment).store(helper->server, credentials);
        return fmt::format("docker-credential-{}", helper->name);
    }
    const std::string name = options_.is_docker_format ? docker_server_name(key) : key;
    write(with_auth_entry(text, file_.string(), name, credentials));
    return file_.string();
}

bool CredentialStore::remove(const std::string& key) {
    if (!sys::file_exists(file_.string()) && options_.helpers.empty()) {
        return false;
    }
    const auto lock = sys::FileLock::exclusive(file_.string() + ".lock");
    const std::string text = read();
    bool has_removed = false;
    if (const auto helper = helper_for(text, key)) {
        const CredentialHelper program(helper->name, options_.environment);
        if (program.get(helper->server)) {
            program.erase(helper->server);
            has_removed = true;
        }
    }
    if (const auto shorter = without_auth_entry(text, file_.string(), key)) {
        write(*shorter);
        has_removed = true;
    }
    return has_removed;
}

void CredentialStore::remove_all() {
    for (const auto& name : options_.helpers) {
        if (name == kAuthFilesHelper) {
            continue;
        }
        const CredentialHelper program(name, options_.environment);
        for (const auto& [server, user] : program.list()) {
            program.erase(server);
        }
    }
    if (!sys::file_exists(file_.string())) {
        return;
    }
    const auto lock = sys::FileLock::exclusive(file_.string() + ".lock");
    const std::string text = read();
    json::Value document = parse_auth_file(text, file_.string());
    const json::Field root(document, file_.string());
    if (const auto helpers = root.find("credHelpers")) {
        for (const auto& [server, name] : helpers->members()) {
            const CredentialHelper program(name.as_string(), options_.environment);
            if (program.get(server)) {
                program.erase(server);
            }
        }
    }
    if (const auto name =
            find_store_in_auth_file(trim(text).empty() ? "{}" : text, file_.string())) {
        const CredentialHelper program(*name, options_.environment);
        for (const auto& [server, user] : program.list()) {
            program.erase(server);
        }
    }
    document["auths"] = json::Value::object();
    write(json::to_pretty_text(document));
}

}  // namespace nau::oci
