#include "engine/image/registry_access.h"

#include <filesystem>

#include <fmt/core.h>

#include "base/error.h"
#include "config/registries_conf.h"
#include "engine/engine.h"
#include "engine/image/progress.h"

namespace nau::engine {

namespace {

std::string suffix_of(const oci::Reference& reference) {
    std::string suffix;
    if (reference.tag()) {
        suffix += fmt::format(":{}", *reference.tag());
    }
    if (reference.digest()) {
        suffix += fmt::format("@{}", *reference.digest());
    }
    return suffix;
}

oci::RegistryEndpoint endpoint_of(const config::PullSource& source) {
    const size_t slash = source.name.find('/');
    if (slash == source.name.npos || slash + 1 == source.name.size()) {
        throw Error(ErrorKind::invalid,
                    "registries.conf rewrites the name to '{}', which has no repository",
                    source.name);
    }
    return {.registry = source.name.substr(0, slash),
            .repository = source.name.substr(slash + 1),
            .is_insecure = source.is_insecure,
            .is_mirror = source.is_mirror};
}

/// nau.conf's mirrors, then what registries.conf says.
std::vector<oci::RegistryEndpoint> read_endpoints(const config::Registries& own,
                                                  const config::RegistriesConf& conf,
                                                  const oci::Reference& reference) {
    const auto sources = config::pull_sources(conf, reference.name(), suffix_of(reference));
    std::vector<oci::RegistryEndpoint> endpoints;
    if (const auto mirrors = own.mirrors.find(reference.registry()); mirrors != own.mirrors.end()) {
        for (const auto& mirror : mirrors->second) {
            endpoints.push_back({.registry = mirror,
                                 .repository = reference.repository(),
                                 .is_insecure = false,
                                 .is_mirror = true,
                                 .upstream = reference.registry()});
        }
    }
    for (const auto& source : sources) {
        endpoints.push_back(endpoint_of(source));
    }
    for (auto& endpoint : endpoints) {
        endpoint.is_insecure = endpoint.is_insecure || own.is_insecure(endpoint.registry);
    }
    return endpoints;
}

/// Mirrors and rewriting are for reading; that a registry is insecure or blocked holds for both.
std::vector<oci::RegistryEndpoint> write_endpoints(const config::Registries& own,
                                                   const config::RegistriesConf& conf,
                                                   const oci::Reference& reference) {
    const auto sources = config::pull_sources(conf, reference.name(), suffix_of(reference));
    return {{.registry = reference.registry(),
             .repository = reference.repository(),
             .is_insecure = sources.back().is_insecure || own.is_insecure(reference.registry())}};
}

/// The user's own certs.d goes before those of the machine.
std::optional<std::filesystem::path> own_certs_dir() {
    const auto variable = [](const char* name) {
        return oci::process_environment(name).value_or("");
    };
    if (const std::string config = variable("XDG_CONFIG_HOME"); !config.empty()) {
        return std::filesystem::path(config) / "containers/certs.d";
    }
    if (const std::string home = variable("HOME"); !home.empty()) {
        return std::filesystem::path(home) / ".config/containers/certs.d";
    }
    return std::nullopt;
}

std::vector<oci::Reference> parse_all(const std::vector<std::string>& names) {
    std::vector<oci::Reference> references;
    for (const auto& name : names) {
        references.push_back(oci::parse_reference(name));
    }
    return references;
}

}  // namespace

oci::ClientOptions client_options(Engine& engine,
                                  const RegistryFlags& flags,
                                  RegistryUse use,
                                  PullProgress* progress,
                                  std::stop_token stop) {
    const config::RegistriesConf& conf = engine.registries_conf();
    const config::Registries& own = engine.options().registries;
    oci::CredentialOptions credentials;
    if (!flags.creds.empty()) {
        credentials.creds = flags.creds;
    }
    if (!flags.authfile.empty()) {
        credentials.authfile = flags.authfile;
    }
    credentials.helpers = conf.credential_helpers.value_or(std::vector<std::string>{});
    oci::ClientOptions client;
    client.tls_verify = flags.tls_verify;
    client.credentials = std::make_shared<oci::FileCredentials>(std::move(credentials));
    client.stop = std::move(stop);
    client.endpoints = [&own, &conf, use](const oci::Reference& reference) {
        return use == RegistryUse::read ? read_endpoints(own, conf, reference)
                                        : write_endpoints(own, conf, reference);
    };
    if (!flags.cert_dir.empty()) {
        client.cert_dir = flags.cert_dir;
    } else if (auto folder = own_certs_dir()) {
        client.certs_dirs.insert(client.certs_dirs.begin(), *std::move(folder));
    }
    if (flags.retries) {
        client.max_attempts = *flags.retries + 1;
    }
    client.retry_delay = flags.retry_delay;
    if (progress != nullptr) {
        client.on_retry = [progress](const oci::RetryNotice& notice) {
            progress->message(fmt::format("{}; trying again in {} ms ({} of {})",
                                          notice.reason,
                                          notice.wait.count(),
                                          notice.attempt,
                                          notice.max_attempts));
        };
    }
    return client;
}

std::vector<oci::Reference> candidate_references(Engine& engine, const std::string& name) {
    const oci::Reference complete = oci::parse_reference(name);
    if (!config::is_short_name(name)) {
        return {complete};
    }
    return parse_all(config::resolve_short_name(engine.registries_conf(), name).references);
}

std::vector<oci::Reference> pull_references(Engine& engine, const std::string& name) {
    const oci::Reference complete = oci::parse_reference(name);
    if (!config::is_short_name(name)) {
        return {complete};
    }
    const auto candidates = config::resolve_short_name(engine.registries_conf(), name);
    if (!candidates.is_certain) {
        std::string list;
        for (const auto& reference : candidates.references) {
            list += fmt::format("{}{}", list.empty() ? "" : ", ", reference);
        }
        throw Error(ErrorKind::invalid,
                    "short name '{}' could be one of {}, and registries.conf enforces a choice",
                    name,
                    list)
            .with_hint("write the name with its registry, or give it an alias in registries.conf");
    }
    return parse_all(candidates.references);
}

std::string default_registry(Engine& engine) {
    const auto& searched = engine.registries_conf().search_registries;
    return searched && !searched->empty() ? searched->front() : std::string(oci::kDefaultRegistry);
}

}  // namespace nau::engine
