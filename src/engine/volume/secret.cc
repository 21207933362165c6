#include "engine/volume/secret.h"

#include <fcntl.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/engine.h"
#include "storage/secrets.h"
#include "storage/store.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

constexpr size_t kIdDigits = 25;

storage::Secrets open_secrets(storage::Store& store, const Engine& engine) {
    return storage::Secrets(store.paths(), engine.name_space());
}

storage::Secret get(Engine& engine, const std::string& name_or_id) {
    if (auto secret = open_secrets(engine.store_for_reading(), engine).find(name_or_id)) {
        return *std::move(secret);
    }
    throw Error(ErrorKind::not_found, "no secret with name or id '{}'", name_or_id)
        .with_hint("'nau secret ls' lists them");
}

SecretSummary summarize(storage::Secret&& secret) {
    return {.id = std::move(secret.id),
            .name = std::move(secret.name),
            .labels = std::move(secret.labels),
            .created = secret.created,
            .updated = secret.updated};
}

bool matches(const storage::Secret& secret, const std::string& key, const std::string& value) {
    if (key == "name") {
        return secret.name.find(value) != std::string::npos;
    }
    if (key == "id") {
        return secret.id.starts_with(value);
    }
    throw Error(ErrorKind::invalid, "unknown filter '{}'", key).with_hint("filters: id, name");
}

}  // namespace

std::string create_secret(Engine& engine, const CreateSecretOptions& options) {
    if (options.name.find_first_of(",/=") != std::string::npos) {
        throw Error(ErrorKind::invalid, "'{}' is no name of a secret", options.name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
    const auto secrets = open_secrets(engine.store_for_writing(), engine);
    const Time now = engine.clock().now();
    storage::Secret secret{.id = sys::random_hex((kIdDigits + 1) / 2).substr(0, kIdDigits),
                           .name = options.name,
                           .labels = options.labels,
                           .created = now,
                           .updated = now,
                           .data = options.data};
    if (options.replaces || options.ignores_existing) {
        if (const auto existing = secrets.find(options.name);
            existing && existing->name == options.name) {
            if (options.ignores_existing) {
                return existing->id;
            }
            secret.created = existing->created;
        }
    }
    secrets.create(secret, options.replaces);
    return secret.id;
}

std::vector<SecretSummary> list_secrets(
    Engine& engine, const std::vector<std::pair<std::string, std::string>>& filters) {
    std::vector<SecretSummary> chosen;
    for (auto& secret : open_secrets(engine.store_for_reading(), engine).list()) {
        std::map<std::string, bool> outcome;
        for (const auto& [key, value] : filters) {
            outcome[key] = outcome[key] || matches(secret, key, value);
        }
        if (std::all_of(
                outcome.begin(), outcome.end(), [](const auto& each) { return each.second; })) {
            chosen.push_back(summarize(std::move(secret)));
        }
    }
    return chosen;
}

SecretSummary get_secret(Engine& engine, const std::string& name_or_id) {
    return summarize(get(engine, name_or_id));
}

nlohmann::json inspect_secret(Engine& engine, const std::string& name_or_id, bool with_data) {
    const storage::Secret secret = get(engine, name_or_id);
    nlohmann::json out = {{"ID", secret.id},
                          {"CreatedAt", format_rfc3339(secret.created)},
                          {"UpdatedAt", format_rfc3339(secret.updated)},
                          {"Spec",
                           {{"Name", secret.name},
                            {"Driver", {{"Name", "file"}, {"Options", nlohmann::json::object()}}},
                            {"Labels", secret.labels}}}};
    if (with_data) {
        out["SecretData"] = secret.data;
    }
    return out;
}

std::string remove_secret(Engine& engine, const std::string& name_or_id) {
    (void)engine.store_for_writing();
    const storage::Secret secret = get(engine, name_or_id);
    (void)open_secrets(engine.store_for_writing(), engine).remove(secret.name);
    return secret.id;
}

void write_secret_files(Engine& engine,
                        const ContainerConfig& config,
                        const std::string& run_directory) {
    if (config.secrets.empty()) {
        return;
    }
    const std::string directory = run_directory + "/secrets";
    sys::make_directories(directory, 0700);
    for (size_t i = 0; i < config.secrets.size(); ++i) {
        const auto& wanted = config.secrets[i];
        if (wanted.is_variable) {
            continue;
        }
        const std::string path = fmt::format("{}/{}", directory, i);
        (void)sys::unlink_if_exists(path);
        const sys::UniqueFd file = sys::open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        sys::write_all(file.get(), get(engine, wanted.secret).data);
        sys::fchown(file.get(), wanted.uid, wanted.gid);
        sys::fchmod(file.get(), wanted.mode);
    }
}

std::vector<std::string> secret_environment(Engine& engine, const ContainerConfig& config) {
    std::vector<std::string> variables;
    for (const auto& wanted : config.secrets) {
        if (wanted.is_variable) {
            variables.push_back(
                fmt::format("{}={}", wanted.target, get(engine, wanted.secret).data));
        }
    }
    return variables;
}

}  // namespace nau::engine
