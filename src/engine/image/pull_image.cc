#include "engine/image/pull_image.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/fetch_layers.h"
#include "engine/image/images.h"
#include "engine/image/listed_image.h"
#include "engine/image/registry_access.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "oci/identity.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "oci/registry/client.h"
#include "storage/store.h"
#include "sys/file.h"
#include "sys/lock_file.h"
#include "sys/process.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

/// How long a killed pull's blobs are kept for the next one.
constexpr std::chrono::hours kLeaseLife{24};

/// What the registry says an image consists of, verified byte by byte.
struct RemoteImage {
    oci::Descriptor target;                     ///< what the name points to
    std::optional<oci::FetchedManifest> index;  ///< when the target is one
    oci::FetchedManifest manifest_document;
    oci::Manifest manifest;
};

oci::Descriptor descriptor_of(const oci::FetchedManifest& document) {
    return {.media_type = document.media_type,
            .digest = document.digest,
            .size_bytes = document.bytes.size()};
}

std::string list_platforms(const oci::Index& index) {
    std::string list;
    for (const auto& manifest : index.manifests) {
        if (manifest.platform && manifest.platform->os != "unknown") {
            list += (list.empty() ? "" : ", ") + oci::to_string(*manifest.platform);
        }
    }
    return list;
}

RemoteImage resolve_remote(oci::RegistryClient& client,
                           const oci::Reference& reference,
                           const oci::Platform& platform) {
    oci::FetchedManifest document = client.get_manifest(reference);
    RemoteImage image{.target = descriptor_of(document),
                      .index = std::nullopt,
                      .manifest_document = document,
                      .manifest = {.media_type = {}, .config = descriptor_of(document)}};
    if (oci::is_index(document.media_type)) {
        const oci::Index index = oci::parse_index(document.bytes, document.media_type);
        const oci::Descriptor* chosen = oci::choose_platform(index.manifests, platform);
        if (chosen == nullptr) {
            throw Error(
                ErrorKind::not_found, "there is no image for platform {}", oci::to_string(platform))
                .with_hint(fmt::format("it exists for {}", list_platforms(index)));
        }
        image.manifest_document = client.get_manifest(reference, *chosen);
        image.index = std::move(document);
    }
    image.manifest =
        oci::parse_manifest(image.manifest_document.bytes, image.manifest_document.media_type);
    return image;
}

/// A row that keeps what is fetched until the image refers to it.
class PullLease {
  public:
    PullLease(Engine& engine, const RemoteImage& image) : id_("pull-" + sys::random_hex(8)) {
        storage::Store& store = engine.store_for_writing();
        const Time now = engine.clock().now();
        std::vector<oci::Digest> blobs = {image.manifest_document.digest,
                                          image.manifest.config.digest};
        if (image.index) {
            blobs.push_back(image.index->digest);
        }
        for (const auto& layer : image.manifest.layers) {
            blobs.push_back(layer.digest);
        }
        storage::Transaction tx(store.db());
        store.records().namespaces.ensure(tx, engine.name_space(), now);
        store.records().leases.create(tx,
                                      {.id = id_,
                                       .name_space = engine.name_space(),
                                       .created = now,
                                       .expires = now + kLeaseLife,
                                       .holder = sys::own_process_id(),
                                       .boot_id = store.boot_id(),
                                       .labels = {}});
        store.records().leases.add_blobs(tx, id_, blobs);
        tx.commit(storage::Durability::relaxed);
    }

    const std::string& id() const noexcept { return id_; }

  private:
    std::string id_;
};

std::string fetch_config(storage::ContentStore& content,
                         oci::RegistryClient& client,
                         const oci::Reference& reference,
                         const oci::Descriptor& descriptor,
                         std::stop_token stop) {
    if (descriptor.size_bytes > oci::kMaxImageConfigBytes) {
        throw Error(ErrorKind::corrupt,
                    "the image config is {} bytes long, more than the {} that are allowed",
                    descriptor.size_bytes,
                    oci::kMaxImageConfigBytes);
    }
    if (auto ingest = content.begin_ingest(descriptor, stop)) {
        if (ingest->offset() < descriptor.size_bytes) {
            client.get_blob({.repository = reference,
                             .digest = descriptor.digest,
                             .size_bytes = descriptor.size_bytes,
                             .offset = ingest->offset()},
                            [&](std::span<const std::byte> bytes) { ingest->write(bytes); });
        }
        std::move(*ingest).commit();
    }
    return content.read_blob(descriptor.digest, oci::kMaxImageConfigBytes);
}

/// An image that cannot run here is refused when a platform was asked for, else only told of: it
/// may be a mislabelled one.
void check_platform(const oci::ImageConfig& config,
                    const oci::Platform& wanted,
                    bool was_asked_for) {
    if (config.platform.os.empty() || oci::match_rank(config.platform, wanted)) {
        return;
    }
    const std::string text = fmt::format("the image is for platform {}, not for {}",
                                         oci::to_string(config.platform),
                                         oci::to_string(wanted));
    if (was_asked_for) {
        throw Error(ErrorKind::not_found, "{}", text);
    }
    NAU_LOG_WARN("{}, ignoring", text);
}

/// Two pulls of one image at once share the work: one does it, the other waits and finds it done.
class PullLock {
  public:
    PullLock(const storage::Paths& paths,
             const oci::Digest& manifest,
             PullProgress* progress,
             const std::stop_token& stop)
        : path_(paths.pull_lock(manifest).string()), lock_(sys::FileLock::try_exclusive(path_)) {
        if (!lock_ && progress != nullptr) {
            progress->message("Waiting for another pull of this image...");
        }
        while (!lock_) {
            if (stop.stop_requested()) {
                throw Error(ErrorKind::interrupted, "interrupted");
            }
            try {
                lock_ = sys::FileLock::exclusive_within(path_, kLockSlice);
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::timed_out) {
                    throw;
                }
            }
        }
    }
    /// Whoever waits for the file that is removed notices, and tries with a new one.
    ~PullLock() {
        try {
            (void)sys::unlink_if_exists(path_);
        } catch (const Error& error) {
            NAU_LOG_WARN("removing the lock of a pull: {}, ignoring", error.text());
        }
    }
    PullLock(const PullLock&) = delete;
    PullLock& operator=(const PullLock&) = delete;
    PullLock(PullLock&&) = delete;
    PullLock& operator=(PullLock&&) = delete;

  private:
    static constexpr std::chrono::milliseconds kLockSlice{200};

    std::string path_;
    std::optional<sys::FileLock> lock_;
};

bool has_all_blobs(Engine& engine, const ResolvedImage& image) {
    const auto& content = engine.store_for_reading().content();
    return std::all_of(image.manifest.layers.begin(),
                       image.manifest.layers.end(),
                       [&](const auto& layer) { return content.has(layer.digest); });
}

/// The image as it is here, if the name stands for this platform and all of it is there.
std::optional<PullResult> find_complete(Engine& engine,
                                        const oci::Reference& reference,
                                        const PullOptions& options) {
    const auto image = find_image(engine, reference.to_string(), options.platform);
    if (!image ||
        !(options.unpacks ? is_unpacked(engine, *image) : has_all_blobs(engine, *image))) {
        return std::nullopt;
    }
    return PullResult{.reference = reference,
                      .manifest_digest = image->manifest_digest,
                      .image_id = image->image_id,
                      .was_present = true};
}

/// One small question instead of a download when the name still points to what is here.
bool is_unchanged(Engine& engine, oci::RegistryClient& client, const oci::Reference& reference) {
    auto& images = engine.store_for_writing().records().images;
    const auto record = images.find(engine.name_space(), reference.to_string());
    if (!record) {
        return false;
    }
    const auto remote = client.head_manifest(reference);
    return remote && remote->digest == record->target.digest;
}

void put_image(Engine& engine,
               const oci::Reference& reference,
               const RemoteImage& remote,
               const oci::ImageConfig& config,
               const std::vector<LayerToFetch>& layers,
               const std::string& lease) {
    storage::Store& store = engine.store_for_writing();
    const Time now = engine.clock().now();
    uint64_t size_bytes = 0;
    for (const auto& layer : layers) {
        size_bytes += layer.descriptor.size_bytes;
    }
    storage::Transaction tx(store.db());
    store.records().images.put(
        tx,
        {.name_space = engine.name_space(),
         .name = reference.to_string(),
         .target = remote.target,
         .created = now,
         .updated = now,
         .manifest_digest = remote.manifest_document.digest,
         .image_id = remote.manifest.config.digest,
         .chain_id = layers.empty() ? std::nullopt : std::optional(layers.back().chain_id),
         .platform = oci::to_string(config.platform),
         .size_bytes = size_bytes,
         .image_created = config.created,
         .labels = config.config.labels});
    store.records().leases.remove(tx, lease);
    tx.commit(storage::Durability::durable);
}

/// A full disk is the user's to mend: says where, and that the next pull goes on.
template <typename Action>
auto hinting_at_full_disk(const Engine& engine, Action action) {
    try {
        return action();
    } catch (SysError& error) {
        if (error.error() == ENOSPC || error.error() == EDQUOT) {
            error.with_hint(
                fmt::format("free some space on the file system of {}; what has been "
                            "downloaded is kept for the next pull",
                            engine.options().graph_root.string()));
        }
        throw;
    }
}

PullResult pull_from_registry(Engine& engine,
                              const oci::Reference& reference,
                              const PullOptions& options,
                              oci::RegistryClient& client,
                              PullProgress* progress,
                              std::stop_token stop) {
    const oci::Platform platform =
        options.platform.empty() ? oci::host_platform() : oci::parse_platform(options.platform);
    const RemoteImage remote = resolve_remote(client, reference, platform);
    storage::Store& store = engine.store_for_writing();
    const PullLock lock(store.paths(), remote.manifest_document.digest, progress, stop);
    const PullLease lease(engine, remote);
    if (remote.index) {
        store.content().write_blob(remote.target, remote.index->bytes);
    }
    store.content().write_blob(descriptor_of(remote.manifest_document),
                               remote.manifest_document.bytes);
    const oci::ImageConfig config = oci::parse_image_config(
        fetch_config(store.content(), client, reference, remote.manifest.config, stop));
    check_platform(config, platform, !options.platform.empty());
    const std::vector<LayerToFetch> layers = pair_layers(remote.manifest, config);
    const bool was_fetched = hinting_at_full_disk(engine, [&] {
        return fetch_layers(engine,
                            {.repository = reference,
                             .layers = layers,
                             .lease = lease.id(),
                             .client = &client,
                             .progress = progress,
                             .max_concurrent = options.registry.max_concurrent_downloads,
                             .unpacks = options.unpacks},
                            stop);
    });
    put_image(engine, reference, remote, config, layers, lease.id());
    record_event(engine,
                 {.type = events::EventType::image,
                  .action = "pull",
                  .id = std::string(remote.manifest.config.digest.hex()),
                  .name = reference.to_string(),
                  .image = {},
                  .attributes = {}});
    if (was_fetched) {
        start_upkeep(engine);
    }
    return {.reference = reference,
            .manifest_digest = remote.manifest_document.digest,
            .image_id = remote.manifest.config.digest,
            .was_present = false};
}

PullResult pull_reference(Engine& engine,
                          const oci::Reference& reference,
                          const PullOptions& options,
                          oci::RegistryClient& client,
                          PullProgress* progress,
                          std::stop_token stop) {
    return doing([&] { return fmt::format("pulling {}", reference); },
                 [&]() -> PullResult {
                     if (progress != nullptr) {
                         progress->message(fmt::format("Trying to pull {}...", reference));
                     }
                     if (is_unchanged(engine, client, reference)) {
                         if (auto present = find_complete(engine, reference, options)) {
                             return *present;
                         }
                     }
                     return pull_from_registry(engine, reference, options, client, progress, stop);
                 });
}

/// Whether another registry may have what this one failed to give.
bool may_be_elsewhere(const Error& error) noexcept {
    switch (error.kind()) {
        case ErrorKind::not_found:
        case ErrorKind::permission_denied:
        case ErrorKind::unavailable:
        case ErrorKind::timed_out:
            return dynamic_cast<const SysError*>(&error) == nullptr;
        default:
            return false;
    }
}

/// The references in their order; the failure is that of the last one, after those of the others.
PullResult pull_first_of(Engine& engine,
                         std::span<const oci::Reference> references,
                         const PullOptions& options,
                         oci::RegistryClient& client,
                         PullProgress* progress,
                         const std::stop_token& stop) {
    std::string failures;
    for (const auto& reference : references.first(references.size() - 1)) {
        try {
            return pull_reference(engine, reference, options, client, progress, stop);
        } catch (const Error& error) {
            if (!may_be_elsewhere(error)) {
                throw;
            }
            failures += fmt::format("{}; ", error.text());
        }
    }
    if (failures.empty()) {
        return pull_reference(engine, references.back(), options, client, progress, stop);
    }
    return doing(failures.substr(0, failures.size() - 2), [&] {
        return pull_reference(engine, references.back(), options, client, progress, stop);
    });
}

std::optional<PullResult> find_any_complete(Engine& engine,
                                            std::span<const oci::Reference> references,
                                            const PullOptions& options) {
    for (const auto& reference : references) {
        if (auto present = find_complete(engine, reference, options)) {
            return present;
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<LayerToFetch> pair_layers(const oci::Manifest& manifest,
                                      const oci::ImageConfig& config) {
    if (manifest.layers.size() != config.diff_ids.size()) {
        throw Error(ErrorKind::corrupt,
                    "the manifest has {} layers, but the image config {} diffIDs",
                    manifest.layers.size(),
                    config.diff_ids.size());
    }
    const std::vector<oci::ChainId> chain = oci::chain_ids(config.diff_ids);
    std::vector<LayerToFetch> layers;
    layers.reserve(manifest.layers.size());
    for (size_t i = 0; i < manifest.layers.size(); ++i) {
        if (!oci::layer_compression(manifest.layers[i].media_type)) {
            throw Error(ErrorKind::unsupported,
                        "layer {} is of type '{}', which is no file system layer",
                        manifest.layers[i].digest.short_id(),
                        manifest.layers[i].media_type);
        }
        layers.push_back({.descriptor = manifest.layers[i],
                          .diff_id = config.diff_ids[i],
                          .chain_id = chain[i]});
    }
    return layers;
}

PullResult pull_image(Engine& engine,
                      const PullOptions& options,
                      PullProgress* progress,
                      std::stop_token stop) {
    const bool may_be_local =
        options.policy == PullPolicy::missing || options.policy == PullPolicy::never;
    if (may_be_local) {
        const auto known = candidate_references(engine, options.reference);
        if (auto present = find_any_complete(engine, known, options)) {
            return *present;
        }
        if (const auto listed = ensure_listed_image(engine, options, progress, stop)) {
            return {.reference = known.front(),
                    .manifest_digest = listed->manifest_digest,
                    .image_id = listed->image_id,
                    .was_present = true};
        }
        if (options.policy == PullPolicy::never) {
            throw Error(ErrorKind::not_found,
                        "pulling {}: the image is not here, and --pull=never forbids to fetch it",
                        known.front());
        }
    }
    const auto references = pull_references(engine, options.reference);
    (void)engine.store_for_writing();  // an unwritable root is told before the network
    const ProgressScope scope(progress);
    const auto client = oci::make_registry_client(
        client_options(engine, options.registry, RegistryUse::read, progress, stop));
    try {
        return pull_first_of(engine, references, options, *client, progress, stop);
    } catch (const Error& error) {
        auto present = options.policy == PullPolicy::newer && may_be_elsewhere(error)
                           ? find_any_complete(engine, references, options)
                           : std::nullopt;
        if (!present) {
            throw;
        }
        NAU_LOG_WARN("{}, ignoring: the image that is here will do", error.text());
        return *present;
    }
}

std::vector<std::string> list_remote_tags(Engine& engine,
                                          const PullOptions& options,
                                          std::stop_token stop) {
    const size_t last_part = options.reference.rfind('/');
    if (options.reference.find('@') != std::string::npos ||
        options.reference.find(':', last_part == std::string::npos ? 0 : last_part) !=
            std::string::npos) {
        throw Error(
            ErrorKind::invalid, "'{}' has a tag, and --all-tags means all", options.reference);
    }
    const auto references = pull_references(engine, options.reference);
    const auto client = oci::make_registry_client(
        client_options(engine, options.registry, RegistryUse::read, nullptr, std::move(stop)));
    std::vector<std::string> names;
    for (const auto& reference : references) {
        try {
            for (const auto& tag : client->list_tags(reference)) {
                names.push_back(reference.with_tag(tag).to_string());
            }
            return names;
        } catch (const Error& error) {
            if (&reference == &references.back() || !may_be_elsewhere(error)) {
                throw;
            }
        }
    }
    return names;
}

}  // namespace nau::engine
