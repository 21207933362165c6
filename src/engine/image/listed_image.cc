#include "engine/image/listed_image.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "oci/identity.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

oci::Descriptor choose(const oci::Index& index,
                       const std::string& name,
                       const oci::Platform& platform) {
    if (const auto* chosen = oci::choose_platform(index.manifests, platform)) {
        return *chosen;
    }
    throw Error(ErrorKind::not_found,
                "the manifest list '{}' has no image for platform {}",
                name,
                oci::to_string(platform))
        .with_hint(fmt::format("'nau manifest inspect {}' shows those that it has, --platform "
                               "chooses one",
                               name));
}

/// nullopt: a blob of it is missing.
std::optional<ResolvedImage> find_by_manifest(storage::ContentStore& content,
                                              const storage::Image& list,
                                              const oci::Descriptor& entry) {
    if (!content.has(entry.digest)) {
        return std::nullopt;
    }
    ResolvedImage image{
        .name = list.name,
        .target_digest = list.target.digest,
        .manifest_digest = entry.digest,
        .image_id = entry.digest,
        .chain_id = std::nullopt,
        .manifest = oci::parse_manifest(content.read_blob(entry.digest, oci::kMaxManifestBytes),
                                        entry.media_type),
        .config = {}};
    image.image_id = image.manifest.config.digest;
    const bool is_complete =
        content.has(image.image_id) &&
        std::all_of(image.manifest.layers.begin(),
                    image.manifest.layers.end(),
                    [&](const auto& layer) { return content.has(layer.digest); });
    if (!is_complete) {
        return std::nullopt;
    }
    image.config =
        oci::parse_image_config(content.read_blob(image.image_id, oci::kMaxImageConfigBytes));
    const auto chain = oci::chain_ids(image.config.diff_ids);
    if (!chain.empty()) {
        image.chain_id = chain.back();
    }
    return image;
}

ResolvedImage fetch(Engine& engine,
                    const storage::Image& list,
                    const oci::Descriptor& entry,
                    PullOptions options,
                    PullProgress* progress,
                    std::stop_token stop) {
    const auto name = reference_of_record(list.name);
    if (options.policy == PullPolicy::never || !name) {
        throw Error(ErrorKind::not_found, "{} is not here", entry.digest)
            .with_hint("without --pull=never it is fetched from where the list's name points to");
    }
    const std::string by_digest = name->with_digest(entry.digest).to_string();
    options.reference = by_digest;
    try {
        pull_image(engine, options, progress, std::move(stop));
    } catch (Error& error) {
        error.with_hint(
            fmt::format("an image of the list is no longer here, and {} does not give it: pull it "
                        "from where it "
                        "came from, and 'nau manifest add' it again",
                        name->registry()));
        throw;
    }
    return get_image(engine, by_digest, options.platform);
}

}  // namespace

std::optional<ResolvedImage> ensure_listed_image(Engine& engine,
                                                 const PullOptions& options,
                                                 PullProgress* progress,
                                                 std::stop_token stop) {
    const auto list = find_image_record(engine, options.reference);
    if (!list || list->manifest_digest || !oci::is_index(list->target.media_type)) {
        return std::nullopt;
    }
    auto& content = engine.store_for_reading().content();
    const oci::Index index = oci::parse_index(
        content.read_blob(list->target.digest, oci::kMaxManifestBytes), list->target.media_type);
    const oci::Descriptor entry = choose(
        index,
        options.reference,
        options.platform.empty() ? oci::host_platform() : oci::parse_platform(options.platform));
    return doing([&] { return fmt::format("image of the manifest list {}", list->name); },
                 [&] {
                     auto image = find_by_manifest(content, *list, entry);
                     if (!image) {
                         return fetch(engine, *list, entry, options, progress, std::move(stop));
                     }
                     ensure_unpacked(engine, *image);
                     return *std::move(image);
                 });
}

}  // namespace nau::engine
