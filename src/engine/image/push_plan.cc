#include "engine/image/push_plan.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/new_layer.h"
#include "engine/image/registry_access.h"
#include "oci/image_config.h"
#include "oci/layer/decompress.h"
#include "oci/platform.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

namespace types = oci::media_type;

constexpr int kMaxIndexDepth = 3;
constexpr size_t kBufferBytes = size_t{1} << 20U;

Document make_document(const std::string& media_type, std::string bytes) {
    return {.descriptor = {.media_type = media_type,
                           .digest = oci::digest_of(bytes),
                           .size_bytes = bytes.size()},
            .bytes = std::move(bytes)};
}

// --- packing anew

/// The media types of one family; zstd is a word of OCI's only.
void change_family(oci::Manifest& manifest, ManifestFamily family) {
    const bool is_docker = family == ManifestFamily::docker;
    if (!manifest.artifact_type.empty() || !oci::is_image_config(manifest.config.media_type)) {
        return;  // no image: its types are its own
    }
    manifest.media_type = is_docker ? types::kDockerManifest : types::kImageManifest;
    manifest.config.media_type = is_docker ? types::kDockerImageConfig : types::kImageConfig;
    for (auto& layer : manifest.layers) {
        layer.media_type = layer_type_for(manifest.media_type, layer);
    }
}

bool has_zstd(const oci::Manifest& manifest) {
    return std::any_of(manifest.layers.begin(), manifest.layers.end(), [](const auto& layer) {
        return oci::layer_compression(layer.media_type) == oci::Compression::zstd;
    });
}

class Planner {
  public:
    Planner(Engine& engine,
            const PushConversion& conversion,
            ImageOrigin& origin,
            ImageLease& lease)
        : engine_(engine), conversion_(conversion), origin_(origin), lease_(lease) {}

    /// Appends the document with all below it.
    oci::Descriptor add(const oci::Descriptor& descriptor, int depth = 0) {
        lease_.add({&descriptor.digest, 1});
        std::string bytes = origin_.read_manifest(descriptor);
        return oci::is_index(descriptor.media_type) ? add_index(descriptor, std::move(bytes), depth)
                                                    : add_manifest(descriptor, std::move(bytes));
    }

    PushPlan take() { return std::move(plan_); }

  private:
    oci::Descriptor add_index(const oci::Descriptor& descriptor, std::string bytes, int depth) {
        if (depth == kMaxIndexDepth) {
            throw Error(ErrorKind::corrupt, "index {} holds indexes too deep", descriptor.digest);
        }
        oci::Index index = oci::parse_index(bytes, descriptor.media_type);
        bool is_changed = false;
        for (auto& each : index.manifests) {
            const oci::Descriptor pushed = add(each, depth + 1);
            is_changed = is_changed || pushed.digest != each.digest;
            each.media_type = pushed.media_type;
            each.digest = pushed.digest;
            each.size_bytes = pushed.size_bytes;
        }
        if (conversion_.family || is_changed) {
            const bool is_docker =
                std::all_of(index.manifests.begin(), index.manifests.end(), [](const auto& each) {
                    return each.media_type == types::kDockerManifest;
                });
            index.media_type = is_docker ? types::kDockerManifestList : types::kImageIndex;
            bytes = oci::to_json_text(index);
        }
        plan_.manifests.push_back(make_document(index.media_type, std::move(bytes)));
        return plan_.manifests.back().descriptor;
    }

    oci::Descriptor add_manifest(const oci::Descriptor& descriptor, std::string bytes) {
        oci::Manifest manifest = oci::parse_manifest(bytes, descriptor.media_type);
        if (conversion_.is_needed()) {
            const oci::Manifest before = manifest;
            convert(manifest);
            if (manifest != before) {
                bytes = oci::to_json_text(manifest);
            }
        }
        for (const auto& layer : manifest.layers) {
            const bool stays_away =
                oci::is_nondistributable_layer(layer.media_type) && !layer.urls.empty();
            if (!stays_away) {
                add_blob(layer);
            }
        }
        add_blob(manifest.config);
        plan_.manifests.push_back(make_document(manifest.media_type, std::move(bytes)));
        return plan_.manifests.back().descriptor;
    }

    void add_blob(const oci::Descriptor& descriptor) {
        if (seen_.insert(descriptor.digest).second) {
            lease_.add({&descriptor.digest, 1});
            plan_.blobs.push_back(descriptor);
        }
    }

    void convert(oci::Manifest& manifest) {
        if (conversion_.compression) {
            repack_layers(manifest);
        }
        if (conversion_.family == ManifestFamily::docker && has_zstd(manifest)) {
            throw Error(ErrorKind::invalid, "docker's manifests know no zstd layers")
                .with_hint("push with --format oci, or with --compression-format gzip");
        }
        if (conversion_.family) {
            change_family(manifest, *conversion_.family);
        } else if (has_zstd(manifest)) {
            change_family(manifest, ManifestFamily::oci);
        }
    }

    void repack_layers(oci::Manifest& manifest) {
        if (!oci::is_image_config(manifest.config.media_type)) {
            return;
        }
        lease_.add({&manifest.config.digest, 1});
        origin_.ensure_blob(manifest.config);
        const oci::ImageConfig config =
            oci::parse_image_config(engine_.store_for_reading().content().read_blob(
                manifest.config.digest, oci::kMaxImageConfigBytes));
        for (size_t i = 0; i < manifest.layers.size(); ++i) {
            oci::Descriptor& layer = manifest.layers[i];
            const auto packed = oci::layer_compression(layer.media_type);
            if (!packed || packed == conversion_.compression || i >= config.diff_ids.size() ||
                oci::is_nondistributable_layer(layer.media_type)) {
                continue;
            }
            const oci::Descriptor made = repack(layer, *packed, config.diff_ids[i]);
            layer.media_type = layer_type_for(manifest.media_type, made);
            layer.digest = made.digest;
            layer.size_bytes = made.size_bytes;
            layer.urls.clear();
            layer.data.reset();
        }
    }

    oci::Descriptor repack(const oci::Descriptor& layer,
                           oci::Compression packed,
                           const oci::DiffId& diff_id) {
        lease_.add({&layer.digest, 1});
        origin_.ensure_blob(layer);
        const sys::UniqueFd blob = engine_.store_for_reading().content().open_blob(layer.digest);
        oci::Decompressor tar(
            [&](std::span<std::byte> buffer) {
                return sys::read_some(
                    blob.get(), reinterpret_cast<char*>(buffer.data()), buffer.size());
            },
            packed);
        NewLayer made(engine_,
                      *conversion_.compression,
                      {.level = conversion_.compression_level, .threads = 0});
        const oci::ByteSink sink = made.sink();
        std::vector<std::byte> buffer(kBufferBytes);
        while (const size_t count = tar.read(buffer)) {
            origin_.check_stop();
            sink(std::span(buffer).first(count));
        }
        const MadeLayer result = made.finish(lease_);
        if (result.diff_id != diff_id) {
            throw Error(ErrorKind::corrupt,
                        "layer {}: its content is {}, but the image config says {}",
                        layer.digest.short_id(),
                        result.diff_id,
                        diff_id);
        }
        return result.descriptor;
    }

    Engine& engine_;
    const PushConversion& conversion_;
    ImageOrigin& origin_;
    ImageLease& lease_;
    PushPlan plan_;
    std::set<oci::Digest> seen_;
};

oci::Descriptor choose(ImageOrigin& origin,
                       const storage::Image& record,
                       const std::string& platform) {
    const oci::Index index =
        oci::parse_index(origin.read_manifest(record.target), record.target.media_type);
    const oci::Descriptor* chosen =
        oci::choose_platform(index.manifests, oci::parse_platform(platform));
    if (chosen == nullptr) {
        throw Error(ErrorKind::not_found, "there is no image for platform {}", platform);
    }
    return *chosen;
}

/// What the name is to mean in the registry.
oci::Descriptor choose_root(Engine& engine,
                            ImageOrigin& origin,
                            const storage::Image& record,
                            const PushSelection& selection) {
    const bool is_index = oci::is_index(record.target.media_type);
    const bool is_list_made_here = is_index && !record.manifest_digest;
    if (!selection.platform.empty()) {
        if (is_index) {
            return choose(origin, record, selection.platform);
        }
        if (!oci::match_rank(oci::parse_platform(record.platform),
                             oci::parse_platform(selection.platform))) {
            throw Error(ErrorKind::not_found,
                        "the image is for platform {}, not for {}",
                        record.platform,
                        selection.platform);
        }
    }
    if (!is_index || selection.is_all || is_list_made_here) {
        return record.target;
    }
    const std::string bytes = engine.store_for_reading().content().read_blob(
        *record.manifest_digest, oci::kMaxManifestBytes);
    return {.media_type = oci::parse_manifest(bytes, "").media_type,
            .digest = *record.manifest_digest,
            .size_bytes = bytes.size()};
}

}  // namespace

// --- what is not here

ImageOrigin::ImageOrigin(Engine& engine,
                         const storage::Image& record,
                         const RegistryFlags& flags,
                         std::stop_token stop)
    : engine_(engine), flags_(flags), stop_(std::move(stop)) {
    // The password is for the registry that is pushed to.
    flags_.creds.clear();
    for (const auto& other : engine.store_for_reading().records().images.list(record.name_space)) {
        const auto name = reference_of_record(other.name);
        if (name && other.target.digest == record.target.digest) {
            names_.push_back(*name);
        }
    }
}

void ImageOrigin::check_stop() const {
    if (stop_.stop_requested()) {
        throw Error(ErrorKind::interrupted, "stopped");
    }
}

oci::RegistryClient& ImageOrigin::client() {
    std::call_once(once_, [this] {
        client_ = oci::make_registry_client(
            client_options(engine_, flags_, RegistryUse::read, nullptr, stop_));
    });
    return *client_;
}

template <typename Action>
auto ImageOrigin::at_any(const oci::Descriptor& descriptor, Action action) {
    for (const auto& name : names_) {
        try {
            return action(name);
        } catch (const Error& error) {
            if (&name == &names_.back() || error.kind() == ErrorKind::interrupted) {
                throw;
            }
        }
    }
    throw Error(ErrorKind::not_found, "{} is not in the store", descriptor.digest)
        .with_hint("pull the image again");
}

std::string ImageOrigin::read_manifest(const oci::Descriptor& descriptor) {
    auto& content = engine_.store_for_reading().content();
    if (content.has(descriptor.digest)) {
        return content.read_blob(descriptor.digest, oci::kMaxManifestBytes);
    }
    std::string bytes = at_any(descriptor, [&](const oci::Reference& name) {
        return client().get_manifest(name, descriptor).bytes;
    });
    content.write_blob(descriptor, bytes);
    return bytes;
}

void ImageOrigin::ensure_blob(const oci::Descriptor& descriptor) {
    auto& content = engine_.store_for_reading().content();
    if (content.has(descriptor.digest)) {
        return;
    }
    at_any(descriptor, [&](const oci::Reference& name) {
        auto ingest = content.begin_ingest(descriptor, stop_);
        if (!ingest) {
            return;
        }
        if (ingest->offset() < descriptor.size_bytes) {
            client().get_blob({.repository = name,
                               .digest = descriptor.digest,
                               .size_bytes = descriptor.size_bytes,
                               .offset = ingest->offset(),
                               .urls = descriptor.urls,
                               .stop = stop_},
                              [&](std::span<const std::byte> bytes) { ingest->write(bytes); });
        }
        std::move(*ingest).commit();
    });
}

PushPlan plan_push(Engine& engine,
                   const storage::Image& record,
                   const PushSelection& selection,
                   const PushConversion& conversion,
                   ImageOrigin& origin,
                   ImageLease& lease) {
    Planner planner(engine, conversion, origin, lease);
    (void)planner.add(choose_root(engine, origin, record, selection));
    return planner.take();
}

}  // namespace nau::engine
