#include "engine/image/archive_images.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/image/docker_archive_images.h"
#include "engine/image/image_name.h"
#include "oci/layout/docker_archive.h"
#include "oci/layout/layout.h"
#include "oci/media_type.h"

namespace nau::engine {

namespace {

namespace layout = oci::layout;

/// Where a blob of the archive is: blobs/sha256/<hex>, or <hex> in a dir:.
using BlobNaming = std::string (*)(const oci::Digest&);

std::string dir_blob_name(const oci::Digest& digest) {
    return std::string(digest.hex());
}

class LayoutReader {
  public:
    LayoutReader(std::shared_ptr<oci::Members> members, BlobNaming naming, oci::Platform platform)
        : members_(std::move(members)), naming_(naming), platform_(std::move(platform)) {}

    Document read_document(const oci::Descriptor& descriptor, size_t max_bytes) const {
        const std::string name = naming_(descriptor.digest);
        Document document{.descriptor = {.media_type = descriptor.media_type,
                                         .digest = descriptor.digest,
                                         .size_bytes = descriptor.size_bytes},
                          .bytes = members_->get(name).read_all(max_bytes, name)};
        if (document.bytes.size() != descriptor.size_bytes) {
            throw Error(ErrorKind::corrupt,
                        "{}: has {} bytes instead of {}",
                        name,
                        document.bytes.size(),
                        descriptor.size_bytes);
        }
        if (const auto found = oci::digest_of(document.bytes, descriptor.digest.algorithm());
            found != descriptor.digest) {
            throw Error(ErrorKind::corrupt, "{}: its bytes have digest {}", name, found);
        }
        return document;
    }

    /// nullopt: nothing of it is for the platform.
    std::optional<ArchiveImage> read_image(const oci::Descriptor& target) const {
        ArchiveImage result{.image = {.target = target,
                                      .documents = {},
                                      .manifest_descriptor = target,
                                      .manifest = {.media_type = {}, .config = target},
                                      .config = {},
                                      .names = {},
                                      .action = {}},
                            .read_blob = {}};
        ImageToStore& image = result.image;
        const bool is_index = oci::is_index(target.media_type);
        Document document = read_document(target, oci::kMaxManifestBytes);
        if (is_index) {
            const oci::Index index = oci::parse_index(document.bytes, target.media_type);
            const oci::Descriptor* chosen = oci::choose_platform(index.manifests, platform_);
            if (chosen == nullptr) {
                return std::nullopt;
            }
            image.documents.push_back(std::move(document));
            image.manifest_descriptor = *chosen;
            document = read_document(*chosen, oci::kMaxManifestBytes);
        }
        image.manifest = oci::parse_manifest(document.bytes, image.manifest_descriptor.media_type);
        image.manifest_descriptor.media_type = image.manifest.media_type;
        image.documents.push_back(std::move(document));
        image.documents.push_back(read_document(image.manifest.config, oci::kMaxImageConfigBytes));
        image.config = oci::parse_image_config(image.documents.back().bytes);
        result.read_blob = make_reader(image.manifest);
        return result;
    }

  private:
    BlobReader make_reader(const oci::Manifest& manifest) const {
        std::map<oci::Digest, oci::Member> layers;
        for (const auto& layer : manifest.layers) {
            if (auto member = members_->find(naming_(layer.digest))) {
                layers.emplace(layer.digest, *std::move(member));
            }
        }
        return blob_reader(std::move(layers));
    }

    std::shared_ptr<oci::Members> members_;
    BlobNaming naming_;
    oci::Platform platform_;
};

/// The names that the descriptor's annotations give the image; none is as good as unreadable.
std::vector<oci::Reference> names_of(const oci::Annotations& annotations) {
    for (const char* key : {layout::kImageName, layout::kRefName}) {
        const auto found = annotations.find(key);
        if (found == annotations.end()) {
            continue;
        }
        if (auto name = reference_from_archive(found->second)) {
            return {*std::move(name)};
        }
        NAU_LOG_WARN("'{}' is no name of an image, ignoring", found->second);
    }
    return {};
}

bool is_for(const oci::Descriptor& descriptor, const oci::Platform& platform) {
    return !descriptor.platform || oci::match_rank(*descriptor.platform, platform).has_value();
}

/// The entries of index.json that stand for images, one for each name: several of one name are
/// alternatives, of which the best for the platform counts.
std::vector<oci::Descriptor> choose_entries(const oci::Index& index,
                                            const oci::Platform& platform) {
    std::vector<oci::Descriptor> chosen;
    std::map<std::string, std::vector<oci::Descriptor>> named;
    for (const auto& entry : index.manifests) {
        if (!oci::is_index(entry.media_type) && !oci::is_manifest(entry.media_type)) {
            NAU_LOG_WARN("{} is of type '{}', which is no image, ignoring",
                         entry.digest.short_id(),
                         entry.media_type);
            continue;
        }
        const auto names = names_of(entry.annotations);
        if (!names.empty()) {
            named[names.front().to_string()].push_back(entry);
        } else if (is_for(entry, platform)) {
            chosen.push_back(entry);
        }
    }
    for (const auto& [name, entries] : named) {
        if (const auto* best = oci::choose_platform(entries, platform)) {
            chosen.push_back(*best);
        }
    }
    return chosen;
}

/// Several names of one image come as several entries of one digest.
void add_image(std::vector<ArchiveImage>& images, ArchiveImage image) {
    for (auto& known : images) {
        if (known.image.target.digest == image.image.target.digest) {
            known.image.names.insert(
                known.image.names.end(), image.image.names.begin(), image.image.names.end());
            return;
        }
    }
    images.push_back(std::move(image));
}

std::vector<ArchiveImage> read_layout(const std::shared_ptr<oci::Members>& members,
                                      const oci::Platform& platform) {
    layout::check_header(
        members->get(layout::kHeaderFile).read_all(oci::kMaxManifestBytes, layout::kHeaderFile));
    const oci::Index index = oci::parse_index(
        members->get(layout::kIndexFile).read_all(oci::kMaxManifestBytes, layout::kIndexFile), "");
    const LayoutReader reader(members, layout::blob_name, platform);
    std::vector<ArchiveImage> images;
    for (const auto& entry : choose_entries(index, platform)) {
        auto image = reader.read_image({.media_type = entry.media_type,
                                        .digest = entry.digest,
                                        .size_bytes = entry.size_bytes});
        if (image) {
            image->image.names = names_of(entry.annotations);
            add_image(images, *std::move(image));
        }
    }
    if (images.empty() && !index.manifests.empty()) {
        throw Error(
            ErrorKind::not_found, "it holds no image for platform {}", oci::to_string(platform));
    }
    return images;
}

/// skopeo's dir: one manifest or index, which has no name.
std::vector<ArchiveImage> read_dir(const std::shared_ptr<oci::Members>& members,
                                   const std::string& manifest,
                                   const oci::Platform& platform) {
    const oci::Descriptor target{.media_type = oci::detect_media_type(manifest),
                                 .digest = oci::digest_of(manifest),
                                 .size_bytes = manifest.size()};
    if (oci::is_index(target.media_type)) {
        throw Error(ErrorKind::unsupported, "a dir: with images of several platforms")
            .with_hint("copy the one image that is wanted into a dir: of its own");
    }
    const LayoutReader reader(members, dir_blob_name, platform);
    ArchiveImage result{.image = {.target = target,
                                  .documents = {{.descriptor = target, .bytes = manifest}},
                                  .manifest_descriptor = target,
                                  .manifest = oci::parse_manifest(manifest, target.media_type),
                                  .config = {},
                                  .names = {},
                                  .action = {}},
                        .read_blob = {}};
    ImageToStore& image = result.image;
    image.documents.push_back(
        reader.read_document(image.manifest.config, oci::kMaxImageConfigBytes));
    image.config = oci::parse_image_config(image.documents.back().bytes);
    std::map<oci::Digest, oci::Member> layers;
    for (const auto& layer : image.manifest.layers) {
        layers.emplace(layer.digest, members->get(dir_blob_name(layer.digest)));
    }
    result.read_blob = blob_reader(std::move(layers));
    std::vector<ArchiveImage> images;
    images.push_back(std::move(result));
    return images;
}

}  // namespace

std::vector<ArchiveImage> read_archive_images(const std::shared_ptr<oci::Members>& members,
                                              const oci::Platform& platform,
                                              std::stop_token stop) {
    if (members->find(layout::kHeaderFile) && members->find(layout::kIndexFile)) {
        return read_layout(members, platform);
    }
    const auto manifest = members->find(layout::kManifestFile);
    if (!manifest) {
        const bool is_old = members->find(layout::kRepositoriesFile).has_value();
        throw Error(is_old ? ErrorKind::unsupported : ErrorKind::corrupt,
                    "{}",
                    is_old ? "an archive of docker before 1.10"
                           : "it has neither index.json nor manifest.json")
            .with_hint(is_old
                           ? "load and save it with a current docker first"
                           : "this is no archive of images; 'nau import' takes a root file system");
    }
    const std::string text =
        manifest->read_all(oci::kMaxDockerManifestBytes, layout::kManifestFile);
    if (json::parse(text, layout::kManifestFile).is_array()) {
        return read_docker_archive(members, text, stop);
    }
    return read_dir(members, text, platform);
}

}  // namespace nau::engine
