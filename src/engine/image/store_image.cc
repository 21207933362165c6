#include "engine/image/store_image.h"

#include <set>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/pull_image.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "storage/store.h"
#include "sys/process.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

constexpr std::chrono::hours kLeaseLife{24};

void remove_lease(Engine& engine, const std::string& id) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    store.records().leases.remove(tx, id);
    tx.commit(storage::Durability::relaxed);
}

/// What a killed command of our kind has left keeps nothing that anybody would resume.
void remove_dead_leases(storage::Store& store,
                        storage::Transaction& tx,
                        const std::string& purpose) {
    auto& leases = store.records().leases;
    for (const auto& lease : leases.list_all()) {
        const bool is_held = lease.boot_id == store.boot_id() && sys::find_process(lease.holder);
        if (lease.id.starts_with(purpose + "-") && !is_held) {
            leases.remove(tx, lease.id);
        }
    }
}

storage::Image make_record(const Engine& engine,
                           const ImageToStore& image,
                           const std::vector<LayerToFetch>& layers,
                           Time now) {
    uint64_t size_bytes = 0;
    for (const auto& layer : layers) {
        size_bytes += layer.descriptor.size_bytes;
    }
    return {.name_space = engine.name_space(),
            .name = {},
            .target = image.target,
            .created = now,
            .updated = now,
            .manifest_digest = image.manifest_descriptor.digest,
            .image_id = image.manifest.config.digest,
            .chain_id = layers.empty() ? std::nullopt : std::optional(layers.back().chain_id),
            .platform = oci::to_string(image.config.platform),
            .size_bytes = size_bytes,
            .image_created = image.config.created,
            .labels = image.config.config.labels};
}

void put_records(Engine& engine,
                 const ImageToStore& image,
                 const std::vector<LayerToFetch>& layers) {
    storage::Store& store = engine.store_for_writing();
    auto& images = store.records().images;
    const oci::Digest& id = image.manifest.config.digest;
    storage::Image record = make_record(engine, image, layers, engine.clock().now());
    storage::Transaction tx(store.db());
    for (const auto& name : image.names) {
        record.name = name.to_string();
        images.put(tx, record);
    }
    if (!image.names.empty()) {
        images.remove(tx, engine.name_space(), nameless_record(id));
    } else if (images.find_by_id(engine.name_space(), id.to_string()).empty()) {
        record.name = nameless_record(id);
        images.put(tx, record);
    }
    tx.commit(storage::Durability::durable);
}

void record_events(Engine& engine, const ImageToStore& image) {
    const std::string id(image.manifest.config.digest.hex());
    std::vector<std::string> names;
    for (const auto& name : image.names) {
        names.push_back(name.to_string());
    }
    if (names.empty()) {
        names.push_back(nameless_record(image.manifest.config.digest));
    }
    for (const auto& name : names) {
        record_event(engine,
                     {.type = events::EventType::image,
                      .action = image.action,
                      .id = id,
                      .name = name,
                      .image = {},
                      .attributes = {}});
    }
}

void discard_ingest(storage::ContentStore& content, const oci::Digest& digest) noexcept {
    try {
        (void)content.remove_ingest(digest);  // false: none, or somebody else writes it
    } catch (const std::exception& error) {
        NAU_LOG_WARN("removing the unfinished blob {}: {}, ignoring", digest, error.what());
    }
}

/// What a pull has fetched is kept when it fails, for the next one. Here the bytes are where they
/// came from: partial blobs that were not there before go.
template <typename Action>
auto leaving_no_ingests(storage::ContentStore& content,
                        const std::vector<LayerToFetch>& layers,
                        Action action) {
    std::set<oci::Digest> before;
    for (const auto& ingest : content.list_ingests()) {
        before.insert(ingest.digest);
    }
    try {
        return action();
    } catch (...) {
        for (const auto& layer : layers) {
            if (!before.contains(layer.descriptor.digest)) {
                discard_ingest(content, layer.descriptor.digest);
            }
        }
        throw;
    }
}

}  // namespace

ImageLease::ImageLease(Engine& engine, const std::string& purpose)
    : engine_(engine), id_(fmt::format("{}-{}", purpose, sys::random_hex(8))) {
    storage::Store& store = engine.store_for_writing();
    const Time now = engine.clock().now();
    storage::Transaction tx(store.db());
    remove_dead_leases(store, tx, purpose);
    store.records().namespaces.ensure(tx, engine.name_space(), now);
    store.records().leases.create(tx,
                                  {.id = id_,
                                   .name_space = engine.name_space(),
                                   .created = now,
                                   .expires = now + kLeaseLife,
                                   .holder = sys::own_process_id(),
                                   .boot_id = store.boot_id(),
                                   .labels = {}});
    tx.commit(storage::Durability::relaxed);
}

ImageLease::~ImageLease() {
    try {
        remove_lease(engine_, id_);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("removing lease {}: {}, ignoring", id_, error.what());
    }
}

void ImageLease::add(std::span<const oci::Digest> blobs) {
    storage::Store& store = engine_.store_for_writing();
    storage::Transaction tx(store.db());
    store.records().leases.add_blobs(tx, id_, blobs);
    tx.commit(storage::Durability::relaxed);
}

oci::Digest store_image(Engine& engine,
                        ImageLease& lease,
                        const ImageToStore& image,
                        const StoreImageOptions& options,
                        std::stop_token stop) {
    storage::Store& store = engine.store_for_writing();
    const std::vector<LayerToFetch> layers = pair_layers(image.manifest, image.config);
    std::vector<oci::Digest> blobs;
    for (const auto& document : image.documents) {
        blobs.push_back(document.descriptor.digest);
    }
    for (const auto& layer : layers) {
        blobs.push_back(layer.descriptor.digest);
    }
    lease.add(blobs);
    for (const auto& document : image.documents) {
        store.content().write_blob(document.descriptor, document.bytes);
    }
    const bool was_fetched = leaving_no_ingests(store.content(), layers, [&] {
        return fetch_layers(engine,
                            {.repository = oci::parse_reference("localhost/archive"),
                             .layers = layers,
                             .lease = lease.id(),
                             .client = nullptr,
                             .progress = options.progress,
                             .read_blob = options.read_blob},
                            stop);
    });
    put_records(engine, image, layers);
    record_events(engine, image);
    if (was_fetched) {
        start_upkeep(engine);
    }
    return image.manifest.config.digest;
}

std::string layer_type_for(std::string_view manifest_type, const oci::Descriptor& layer) {
    namespace types = oci::media_type;
    const bool is_docker = manifest_type == types::kDockerManifest;
    switch (oci::layer_compression(layer.media_type).value_or(oci::Compression::gzip)) {
        case oci::Compression::none:
            return std::string(is_docker ? types::kDockerLayer : types::kLayer);
        case oci::Compression::gzip:
            return std::string(is_docker ? types::kDockerLayerGzip : types::kLayerGzip);
        case oci::Compression::zstd:
            return std::string(is_docker ? types::kDockerLayerZstd : types::kLayerZstd);
    }
    return layer.media_type;
}

ImageToStore make_image(const oci::ImageConfig& config,
                        std::vector<oci::Descriptor> layers,
                        std::string_view manifest_type) {
    namespace types = oci::media_type;
    const bool is_docker = manifest_type == types::kDockerManifest;
    for (auto& layer : layers) {
        layer = {.media_type = layer_type_for(manifest_type, layer),
                 .digest = layer.digest,
                 .size_bytes = layer.size_bytes};
    }
    const std::string config_text = oci::to_json_text(config);
    const oci::Descriptor config_descriptor{
        .media_type = std::string(is_docker ? types::kDockerImageConfig : types::kImageConfig),
        .digest = oci::digest_of(config_text),
        .size_bytes = config_text.size()};
    const oci::Manifest manifest{.media_type = std::string(manifest_type),
                                 .config = config_descriptor,
                                 .layers = std::move(layers)};
    const std::string manifest_text = oci::to_json_text(manifest);
    const oci::Descriptor descriptor{.media_type = manifest.media_type,
                                     .digest = oci::digest_of(manifest_text),
                                     .size_bytes = manifest_text.size()};
    return {.target = descriptor,
            .documents = {{.descriptor = descriptor, .bytes = manifest_text},
                          {.descriptor = config_descriptor, .bytes = config_text}},
            .manifest_descriptor = descriptor,
            .manifest = manifest,
            .config = config,
            .names = {},
            .action = {}};
}

}  // namespace nau::engine
