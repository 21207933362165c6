#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/image/pull_image.h"
#include "engine/image/registry_access.h"
#include "oci/identity.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "storage/store.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

constexpr size_t kMinIdPrefix = 3;

bool is_id_prefix(std::string_view text) noexcept {
    if (text.starts_with("sha256:")) {
        text.remove_prefix(7);
    }
    return text.size() >= kMinIdPrefix && text.size() <= 64 &&
           text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_for_platform(const storage::Image& record, const std::string& platform) {
    return platform.empty() || record.platform.empty() ||
           oci::match_rank(oci::parse_platform(record.platform), oci::parse_platform(platform));
}

}  // namespace

std::vector<storage::Image> find_image_names(Engine& engine, const oci::Digest& image_id) {
    storage::Store& store = engine.store_for_reading();
    const std::string id = image_id.to_string();
    auto names = store.records().images.find_by_id(engine.name_space(), id);
    for (const auto& additional : store.additional_stores()) {
        for (auto& record : additional->find_images_by_id(engine.name_space(), id)) {
            const bool is_known = std::any_of(names.begin(), names.end(), [&](const auto& own) {
                return own.name == record.name;
            });
            if (!is_known) {
                names.push_back(std::move(record));
            }
        }
    }
    return names;
}

std::optional<std::string> read_only_store_of(Engine& engine, const storage::Image& record) {
    storage::Store& store = engine.store_for_reading();
    if (store.records().images.find(engine.name_space(), record.name)) {
        return std::nullopt;
    }
    for (const auto& additional : store.additional_stores()) {
        if (additional->find_image(engine.name_space(), record.name)) {
            return additional->graph_root().string();
        }
    }
    return std::nullopt;
}

void require_own(Engine& engine, const storage::Image& record, const std::string& name_or_id) {
    if (const auto where = read_only_store_of(engine, record)) {
        throw Error(ErrorKind::permission_denied,
                    "image '{}' is in the additional image store {}, which is read-only",
                    name_or_id,
                    *where)
            .with_hint(fmt::format("it can be changed where it is: nau --root {} …", *where));
    }
}

namespace {

std::optional<storage::Image> find_by_name(Engine& engine, const std::string& name) {
    storage::Store& store = engine.store_for_reading();
    if (auto record = store.records().images.find(engine.name_space(), name)) {
        return record;
    }
    for (const auto& additional : store.additional_stores()) {
        if (auto record = additional->find_image(engine.name_space(), name)) {
            return record;
        }
    }
    return std::nullopt;
}

}  // namespace

// A name counts before an id; what is no reference may still be an id.
std::optional<storage::Image> find_image_record(Engine& engine, const std::string& name_or_id) {
    if (!name_or_id.starts_with("sha256:")) {
        try {
            for (const auto& reference : candidate_references(engine, name_or_id)) {
                if (auto record = find_by_name(engine, reference.to_string())) {
                    return record;
                }
            }
        } catch (const Error&) {
            if (!is_id_prefix(name_or_id)) {
                throw;
            }
        }
    }
    if (!is_id_prefix(name_or_id)) {
        return std::nullopt;
    }
    storage::Store& store = engine.store_for_reading();
    auto records = store.records().images.find_by_id(engine.name_space(), name_or_id);
    for (const auto& additional : store.additional_stores()) {
        if (records.empty()) {
            records = additional->find_images_by_id(engine.name_space(), name_or_id);
        }
    }
    return records.empty() ? std::nullopt : std::optional(std::move(records.front()));
}

std::optional<ResolvedImage> find_image(Engine& engine,
                                        const std::string& name_or_id,
                                        const std::string& platform) {
    const auto record = find_image_record(engine, name_or_id);
    if (!record || !record->manifest_digest || !record->image_id ||
        !is_for_platform(*record, platform)) {
        return std::nullopt;
    }
    auto& content = engine.store_for_reading().content();
    if (!content.has(*record->manifest_digest) || !content.has(*record->image_id)) {
        return std::nullopt;
    }
    return doing([&] { return fmt::format("image {}", record->name); },
                 [&]() -> std::optional<ResolvedImage> {
                     const std::string manifest =
                         content.read_blob(*record->manifest_digest, oci::kMaxManifestBytes);
                     return ResolvedImage{.name = record->name,
                                          .target_digest = record->target.digest,
                                          .manifest_digest = *record->manifest_digest,
                                          .image_id = *record->image_id,
                                          .chain_id = record->chain_id,
                                          .manifest = oci::parse_manifest(manifest, ""),
                                          .config = oci::parse_image_config(content.read_blob(
                                              *record->image_id, oci::kMaxImageConfigBytes))};
                 });
}

ResolvedImage get_image(Engine& engine,
                        const std::string& name_or_id,
                        const std::string& platform) {
    if (auto image = find_image(engine, name_or_id, platform)) {
        return *std::move(image);
    }
    const auto record = find_image_record(engine, name_or_id);
    if (record && oci::is_index(record->target.media_type) && !record->manifest_digest) {
        throw Error(ErrorKind::invalid, "'{}' is a manifest list and no image", name_or_id)
            .with_hint(fmt::format("'nau manifest inspect {}' shows its images", name_or_id));
    }
    throw Error(ErrorKind::not_found, "no image '{}'", name_or_id)
        .with_hint("'nau images' lists what is here, 'nau pull' fetches");
}

bool is_unpacked(Engine& engine, const ResolvedImage& image) {
    if (!image.chain_id) {
        return true;
    }
    try {
        // All the way down: the top may be there while a layer below it was lost.
        (void)engine.store_for_reading().snapshots().lower_dirs(*image.chain_id);
        return true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) {
            throw;
        }
        return false;
    }
}

namespace {

void unpack(Engine& engine, const std::vector<LayerToFetch>& layers) {
    storage::Store& store = engine.store_for_writing();
    const std::string lease = "unpack-" + sys::random_hex(8);
    const Time now = engine.clock().now();
    {
        storage::Transaction tx(store.db());
        store.records().leases.create(tx,
                                      {.id = lease,
                                       .name_space = engine.name_space(),
                                       .created = now,
                                       .expires = now + std::chrono::hours(1),
                                       .holder = sys::own_process_id(),
                                       .boot_id = store.boot_id(),
                                       .labels = {}});
        tx.commit(storage::Durability::relaxed);
    }
    // Nothing is fetched: the repository is only asked for where there is a client.
    fetch_layers(engine,
                 {.repository = oci::parse_reference("localhost/unpack"),
                  .layers = layers,
                  .lease = lease,
                  .client = nullptr,
                  .progress = nullptr},
                 {});
    storage::Transaction tx(store.db());
    store.records().leases.remove(tx, lease);
    tx.commit(storage::Durability::relaxed);
}

}  // namespace

void ensure_unpacked(Engine& engine, const ResolvedImage& image) {
    if (!is_unpacked(engine, image)) {
        unpack(engine, pair_layers(image.manifest, image.config));
    }
}

void unpack_layers(Engine& engine, const oci::Digest& manifest, const oci::Digest& image_id) {
    auto& content = engine.store_for_writing().content();
    unpack(engine,
           pair_layers(
               oci::parse_manifest(content.read_blob(manifest, oci::kMaxManifestBytes), ""),
               oci::parse_image_config(content.read_blob(image_id, oci::kMaxImageConfigBytes))));
}

}  // namespace nau::engine
