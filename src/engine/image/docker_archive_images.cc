#include "engine/image/docker_archive_images.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/image/image_name.h"
#include "oci/layer/decompress.h"
#include "oci/layout/docker_archive.h"
#include "oci/media_type.h"

namespace nau::engine {

namespace {

constexpr size_t kHeadBytes = 512;
constexpr size_t kReadBytes = size_t{1} << 20U;

/// The digest that a file name claims to have: "blobs/sha256/<hex>", "<hex>.json", "<hex>.tar".
std::optional<oci::Digest> claimed_digest(const std::string& name) {
    std::string_view last(name);
    last = last.substr(last.rfind('/') + 1);
    last = last.substr(0, last.find('.'));
    return oci::Digest::try_parse(fmt::format("sha256:{}", last));
}

void feed(const oci::Member& member,
          uint64_t offset,
          const std::function<void(std::span<const std::byte>)>& sink,
          const std::stop_token& stop) {
    std::vector<std::byte> buffer(
        static_cast<size_t>(std::min<uint64_t>(kReadBytes, member.size_bytes())));
    while (offset < member.size_bytes()) {
        if (stop.stop_requested()) {
            throw Error(ErrorKind::interrupted, "stopped");
        }
        const size_t count = member.read(offset, buffer);
        sink(std::span(buffer).first(count));
        offset += count;
    }
}

oci::Compression compression_of(const oci::Member& member) {
    std::vector<std::byte> head(
        static_cast<size_t>(std::min<uint64_t>(kHeadBytes, member.size_bytes())));
    for (size_t filled = 0; filled < head.size();) {
        filled += member.read(filled, std::span(head).subspan(filled));
    }
    return oci::detect_compression(head, oci::Compression::none);
}

/// A plain tar has its diffID as digest; what is compressed has the one of its name, or is hashed.
oci::Descriptor describe_layer(const oci::Member& member,
                               const std::string& name,
                               const oci::DiffId& diff_id,
                               const std::stop_token& stop) {
    const oci::Compression compression = compression_of(member);
    oci::Descriptor layer{.media_type = std::string(oci::media_type::kDockerLayer),
                          .digest = diff_id.digest(),
                          .size_bytes = member.size_bytes()};
    if (compression == oci::Compression::none) {
        return layer;
    }
    layer.media_type =
        std::string(compression == oci::Compression::gzip ? oci::media_type::kDockerLayerGzip
                                                          : oci::media_type::kDockerLayerZstd);
    if (const auto claimed = claimed_digest(name); claimed && name.starts_with("blobs/")) {
        layer.digest = *claimed;
        return layer;
    }
    oci::Hasher hasher;
    feed(
        member, 0, [&](std::span<const std::byte> bytes) { hasher.update(bytes); }, stop);
    layer.digest = hasher.finish();
    return layer;
}

ArchiveImage read_image(const oci::Members& members,
                        const oci::DockerArchiveImage& entry,
                        const std::stop_token& stop) {
    const std::string config_text =
        members.get(entry.config).read_all(oci::kMaxImageConfigBytes, entry.config);
    const oci::Digest id = oci::digest_of(config_text);
    if (const auto claimed = claimed_digest(entry.config); claimed && *claimed != id) {
        throw Error(ErrorKind::corrupt, "{}: its bytes have digest {}", entry.config, id);
    }
    const oci::ImageConfig config = oci::parse_image_config(config_text);
    if (config.diff_ids.size() != entry.layers.size()) {
        throw Error(ErrorKind::corrupt,
                    "manifest.json has {} layers for {}, but the image config {} diffIDs",
                    entry.layers.size(),
                    entry.config,
                    config.diff_ids.size());
    }
    std::vector<oci::Descriptor> layers;
    std::map<oci::Digest, oci::Member> blobs;
    for (size_t i = 0; i < entry.layers.size(); ++i) {
        auto member = members.find_through_link(entry.layers[i]);
        if (!member) {
            throw Error(ErrorKind::corrupt, "the archive has no '{}'", entry.layers[i]);
        }
        layers.push_back(doing(
            [&] { return entry.layers[i]; },
            [&] { return describe_layer(*member, entry.layers[i], config.diff_ids[i], stop); }));
        blobs.emplace(layers.back().digest, *std::move(member));
    }
    ArchiveImage result{
        .image = make_image(config, std::move(layers), oci::media_type::kDockerManifest),
        .read_blob = blob_reader(std::move(blobs))};
    // The config goes into the store as it is: its digest is the image's id.
    ImageToStore& image = result.image;
    image.manifest.config.digest = id;
    image.manifest.config.size_bytes = config_text.size();
    const std::string manifest_text = oci::to_json_text(image.manifest);
    image.target.digest = oci::digest_of(manifest_text);
    image.target.size_bytes = manifest_text.size();
    image.manifest_descriptor = image.target;
    image.documents = {{.descriptor = image.target, .bytes = manifest_text},
                       {.descriptor = image.manifest.config, .bytes = config_text}};
    for (const auto& tag : entry.repo_tags) {
        if (auto name = reference_from_archive(tag)) {
            image.names.push_back(*std::move(name));
        } else {
            NAU_LOG_WARN("'{}' is no name of an image, ignoring", tag);
        }
    }
    return result;
}

}  // namespace

BlobReader blob_reader(std::map<oci::Digest, oci::Member> blobs) {
    return [blobs = std::move(blobs)](const oci::Descriptor& blob,
                                      uint64_t offset,
                                      const std::function<void(std::span<const std::byte>)>& sink,
                                      const std::stop_token& stop) {
        const auto found = blobs.find(blob.digest);
        if (found == blobs.end()) {
            throw Error(ErrorKind::corrupt, "the archive has no blob {}", blob.digest);
        }
        feed(found->second, offset, sink, stop);
    };
}

std::vector<ArchiveImage> read_docker_archive(const std::shared_ptr<oci::Members>& members,
                                              const std::string& manifest,
                                              const std::stop_token& stop) {
    std::vector<ArchiveImage> images;
    for (const auto& entry : oci::parse_docker_manifest(manifest)) {
        images.push_back(read_image(*members, entry, stop));
    }
    return images;
}

}  // namespace nau::engine
