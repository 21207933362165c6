#include "storage/secrets.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "oci/base64.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr size_t kMaxFileBytes = 2 * 1024 * 1024;

std::string to_text(const Secret& secret) {
    return json::to_text({{"id", secret.id},
                          {"name", secret.name},
                          {"labels", secret.labels},
                          {"created", format_rfc3339(secret.created)},
                          {"updated", format_rfc3339(secret.updated)},
                          {"data", oci::encode_base64(secret.data)}});
}

Time read_time(const json::Field& field) {
    const auto time = parse_rfc3339(field.as_string());
    if (!time) {
        field.fail("is no RFC 3339 time");
    }
    return *time;
}

Secret parse_secret(const std::string& text, const std::string& path) {
    const auto document = json::parse(text, path);
    const json::Field root(document, path);
    const auto data = oci::decode_base64(root.at("data").as_string());
    if (!data) {
        root.at("data").fail("is not base64");
    }
    return {.id = root.at("id").as_string(),
            .name = root.at("name").as_string(),
            .labels = root.string_map_or_empty("labels"),
            .created = read_time(root.at("created")),
            .updated = read_time(root.at("updated")),
            .data = *data};
}

}  // namespace

std::string Secrets::directory() const {
    return paths_.secrets(name_space_).string();
}

void Secrets::create(const Secret& secret, bool replaces) const {
    const std::string path = paths_.secret(name_space_, secret.name).string();
    if (secret.data.empty() || secret.data.size() > kMaxBytes) {
        throw Error(ErrorKind::invalid, "a secret has from 1 to {} bytes", kMaxBytes);
    }
    sys::make_directories(directory(), 0700);
    if (replaces) {
        sys::write_file_atomic(path, to_text(secret), 0600, sys::Durability::durable);
        return;
    }
    // Complete before it has its name, and never over another one.
    const std::string temporary = fmt::format("{}/.{}", directory(), secret.id);
    sys::write_file_atomic(temporary, to_text(secret), 0600, sys::Durability::durable);
    try {
        sys::rename_noreplace(temporary, path);
    } catch (const SysError& error) {
        (void)sys::unlink_if_exists(temporary);
        if (error.error() == EEXIST) {
            throw Error(ErrorKind::already_exists, "secret '{}' exists", secret.name)
                .with_hint("--replace gives it another content");
        }
        throw;
    }
    sys::fsync_directory(directory());
}

std::optional<Secret> Secrets::find(std::string_view name_or_id) const {
    if (is_plain_name(name_or_id)) {
        const std::string path = paths_.secret(name_space_, name_or_id).string();
        if (const auto text = sys::read_file_if_exists(path, kMaxFileBytes)) {
            return parse_secret(*text, path);
        }
    }
    std::optional<Secret> found;
    for (auto& secret : list()) {
        if (name_or_id.empty() || !secret.id.starts_with(name_or_id)) {
            continue;
        }
        if (found) {
            throw Error(ErrorKind::invalid, "'{}' begins the ids of several secrets", name_or_id);
        }
        found = std::move(secret);
    }
    return found;
}

std::vector<Secret> Secrets::list() const {
    std::vector<Secret> secrets;
    const auto entries = sys::list_directory_if_exists(directory());
    if (!entries) {
        return secrets;
    }
    for (const auto& entry : *entries) {
        if (!is_plain_name(entry.name)) {
            continue;  // one that was never finished
        }
        const std::string path = paths_.secret(name_space_, entry.name).string();
        if (const auto text = sys::read_file_if_exists(path, kMaxFileBytes)) {
            secrets.push_back(parse_secret(*text, path));
        }
    }
    std::sort(secrets.begin(), secrets.end(), [](const Secret& a, const Secret& b) {
        return a.name < b.name;
    });
    return secrets;
}

bool Secrets::remove(std::string_view name) const {
    const bool was_there = sys::unlink_if_exists(paths_.secret(name_space_, name).string());
    if (was_there) {
        sys::fsync_directory(directory());
    }
    return was_there;
}

}  // namespace nau::storage
