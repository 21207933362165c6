#include "engine/image/save_image.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/archive_output.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/image/layout_output.h"
#include "engine/image/store_image.h"
#include "engine/system/record_event.h"
#include "oci/layout/docker_archive.h"
#include "oci/layout/layout.h"
#include "oci/media_type.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

namespace layout = oci::layout;

/// One image of the archive, and the names it has there.
struct SavedImage {
    ResolvedImage image;
    std::vector<oci::Reference> names;
    Document manifest;
    std::string ref_name = {};  ///< in an OCI layout, in place of names
};

/// An OCI layout has OCI manifests: tools look past others. The layers stay what they are, and the
/// manifest says so in the other family's words.
Document as_oci_manifest(oci::Manifest manifest) {
    namespace types = oci::media_type;
    manifest.media_type = types::kImageManifest;
    manifest.config.media_type = types::kImageConfig;
    for (auto& layer : manifest.layers) {
        layer.media_type = layer_type_for(types::kImageManifest, layer);
    }
    std::string bytes = oci::to_json_text(manifest);
    return {.descriptor = {.media_type = manifest.media_type,
                           .digest = oci::digest_of(bytes),
                           .size_bytes = bytes.size()},
            .bytes = std::move(bytes)};
}

bool is_oci_layout(ArchiveFormat format) noexcept {
    return format == ArchiveFormat::oci_archive || format == ArchiveFormat::oci_dir;
}

Document manifest_of(storage::ContentStore& content,
                     const ResolvedImage& image,
                     ArchiveFormat format) {
    if (is_oci_layout(format) && image.manifest.media_type != oci::media_type::kImageManifest) {
        return as_oci_manifest(image.manifest);
    }
    std::string bytes = content.read_blob(image.manifest_digest, oci::kMaxManifestBytes);
    return {.descriptor = {.media_type = image.manifest.media_type,
                           .digest = image.manifest_digest,
                           .size_bytes = bytes.size()},
            .bytes = std::move(bytes)};
}

/// An image that is asked for by id goes out without a name, as docker does it.
std::optional<oci::Reference> asked_name(const ResolvedImage& image, const std::string& word) {
    auto reference = reference_of_record(image.name);
    try {
        if (reference && oci::parse_reference(word) == *reference && reference->tag()) {
            return reference;
        }
    } catch (const Error&) {
        // an id
    }
    return std::nullopt;
}

std::optional<oci::Reference> archive_name(const std::string& word) {
    auto name = reference_from_archive(word);
    if (!name || !name->tag()) {
        throw Error(ErrorKind::invalid, "'{}' is no name for an image in an archive", word);
    }
    return name;
}

std::vector<SavedImage> find_images(Engine& engine, const SaveOptions& options) {
    std::vector<SavedImage> saved;
    for (const auto& word : options.names) {
        ResolvedImage image = get_image(engine, word);
        const bool is_named_anew = !options.saved_as.empty();
        const bool has_ref_name = is_named_anew && is_oci_layout(options.format);
        const auto name = has_ref_name    ? std::nullopt
                          : is_named_anew ? archive_name(options.saved_as)
                                          : asked_name(image, word);
        auto same = std::find_if(saved.begin(), saved.end(), [&](const SavedImage& other) {
            return other.image.manifest_digest == image.manifest_digest;
        });
        if (same == saved.end()) {
            Document manifest =
                manifest_of(engine.store_for_reading().content(), image, options.format);
            same = saved.insert(saved.end(),
                                {.image = std::move(image),
                                 .names = {},
                                 .manifest = std::move(manifest),
                                 .ref_name = has_ref_name ? options.saved_as : std::string{}});
        }
        if (name && std::find(same->names.begin(), same->names.end(), *name) == same->names.end()) {
            same->names.push_back(*name);
        }
    }
    return saved;
}

/// The tag alone, unless another image of the archive has the same one: then it would not tell them
/// apart, and the whole name stands there.
std::string ref_name(const std::vector<SavedImage>& images, const oci::Reference& name) {
    const auto count = std::count_if(images.begin(), images.end(), [&](const SavedImage& image) {
        return std::any_of(image.names.begin(), image.names.end(), [&](const auto& other) {
            return other.tag() == name.tag();
        });
    });
    return count > 1 ? name.to_string() : name.tag().value_or("latest");
}

std::string index_text(const std::vector<SavedImage>& images) {
    oci::Index index{.media_type = std::string(oci::media_type::kImageIndex)};
    for (const auto& saved : images) {
        oci::Descriptor descriptor = saved.manifest.descriptor;
        descriptor.platform = saved.image.config.platform;
        if (!saved.ref_name.empty()) {
            descriptor.annotations = {{layout::kRefName, saved.ref_name}};
        }
        if (saved.names.empty()) {
            index.manifests.push_back(descriptor);
        }
        for (const auto& name : saved.names) {
            descriptor.annotations = {{layout::kImageName, name.to_string()},
                                      {layout::kRefName, ref_name(images, name)}};
            index.manifests.push_back(descriptor);
        }
    }
    return oci::to_json_text(index);
}

std::string docker_manifest_text(const std::vector<SavedImage>& images) {
    std::vector<oci::DockerArchiveImage> list;
    for (const auto& saved : images) {
        oci::DockerArchiveImage image{
            .config = layout::blob_name(saved.image.image_id), .repo_tags = {}, .layers = {}};
        for (const auto& name : saved.names) {
            image.repo_tags.push_back(name.familiar());
        }
        for (const auto& layer : saved.image.manifest.layers) {
            image.layers.push_back(layout::blob_name(layer.digest));
        }
        list.push_back(std::move(image));
    }
    return oci::to_json_text(list);
}

std::string repositories_text(const std::vector<SavedImage>& images) {
    oci::DockerRepositories repositories;
    for (const auto& saved : images) {
        if (saved.image.manifest.layers.empty()) {
            continue;
        }
        for (const auto& name : saved.names) {
            repositories[name.familiar_name()][*name.tag()] =
                saved.image.manifest.layers.back().digest.hex();
        }
    }
    return oci::to_json_text(repositories);
}

/// Configs and layers, each once: configs first, so that whoever reads a stream knows what comes.
std::vector<oci::Digest> blobs_in_order(const std::vector<SavedImage>& images) {
    std::vector<oci::Digest> blobs;
    std::set<oci::Digest> seen;
    const auto add = [&](const oci::Digest& digest) {
        if (seen.insert(digest).second) {
            blobs.push_back(digest);
        }
    };
    for (const auto& saved : images) {
        add(saved.image.image_id);
    }
    for (const auto& saved : images) {
        for (const auto& layer : saved.image.manifest.layers) {
            add(layer.digest);
        }
    }
    return blobs;
}

void add_blob(storage::ContentStore& content,
              ArchiveOutput& out,
              const std::string& name,
              const oci::Digest& digest,
              const std::stop_token& stop) {
    if (stop.stop_requested()) {
        throw Error(ErrorKind::interrupted, "stopped");
    }
    const sys::UniqueFd blob = content.open_blob(digest);
    out.add_file(name, blob.get(), content.blob_size(digest));
}

void write_layout(storage::ContentStore& content,
                  const std::vector<SavedImage>& images,
                  bool is_for_docker,
                  ArchiveOutput& out,
                  const std::stop_token& stop) {
    out.add_file(layout::kHeaderFile, layout::header_text());
    out.add_file(layout::kIndexFile, index_text(images));
    if (is_for_docker) {
        out.add_file(layout::kManifestFile, docker_manifest_text(images));
        out.add_file(layout::kRepositoriesFile, repositories_text(images));
    }
    out.add_directory("blobs");
    std::set<oci::DigestAlgorithm> algorithms;
    const auto name_of = [&](const oci::Digest& digest) {
        if (algorithms.insert(digest.algorithm()).second) {
            out.add_directory(fmt::format("blobs/{}", oci::to_string(digest.algorithm())));
        }
        return layout::blob_name(digest);
    };
    std::set<oci::Digest> manifests;
    for (const auto& saved : images) {
        if (manifests.insert(saved.manifest.descriptor.digest).second) {
            const std::string name = name_of(saved.manifest.descriptor.digest);
            out.add_file(name, saved.manifest.bytes);
        }
    }
    for (const auto& digest : blobs_in_order(images)) {
        add_blob(content, out, name_of(digest), digest, stop);
    }
}

void write_dir(storage::ContentStore& content,
               const std::vector<SavedImage>& images,
               ArchiveOutput& out,
               const std::stop_token& stop) {
    if (images.size() != 1) {
        throw Error(ErrorKind::invalid, "docker-dir holds one image, not {}", images.size())
            .with_hint("save them one by one, or as oci-dir");
    }
    out.add_file(layout::kVersionFile, layout::kDirVersion);
    out.add_file(layout::kManifestFile, images.front().manifest.bytes);
    for (const auto& digest : blobs_in_order(images)) {
        add_blob(content, out, std::string(digest.hex()), digest, stop);
    }
}

std::unique_ptr<ArchiveOutput> open_output(const SaveOptions& options) {
    if (!is_directory_format(options.format)) {
        return make_tar_output(options.output);
    }
    auto present = options.adds_to_layout && options.format == ArchiveFormat::oci_dir
                       ? open_layout_output(options.output)
                       : nullptr;
    return present ? std::move(present) : make_directory_output(options.output);
}

void write_images(Engine& engine,
                  const std::vector<SavedImage>& images,
                  const SaveOptions& options,
                  const std::stop_token& stop) {
    auto& content = engine.store_for_reading().content();
    const auto out = open_output(options);
    if (options.format == ArchiveFormat::docker_dir) {
        write_dir(content, images, *out, stop);
    } else {
        const bool is_for_docker = options.format == ArchiveFormat::docker_archive;
        write_layout(content, images, is_for_docker, *out, stop);
    }
    out->finish();
}

}  // namespace

ArchiveFormat parse_archive_format(std::string_view word) {
    static const std::map<std::string_view, ArchiveFormat> kFormats = {
        {"docker-archive", ArchiveFormat::docker_archive},
        {"oci-archive", ArchiveFormat::oci_archive},
        {"oci-dir", ArchiveFormat::oci_dir},
        {"docker-dir", ArchiveFormat::docker_dir}};
    const auto found = kFormats.find(word);
    if (found == kFormats.end()) {
        throw Error(ErrorKind::invalid, "unknown format '{}'", word)
            .with_hint("formats: docker-archive, oci-archive, oci-dir, docker-dir");
    }
    return found->second;
}

bool is_directory_format(ArchiveFormat format) noexcept {
    return format == ArchiveFormat::oci_dir || format == ArchiveFormat::docker_dir;
}

void save_images(Engine& engine, const SaveOptions& options, std::stop_token stop) {
    const std::vector<SavedImage> images = find_images(engine, options);
    if (is_directory_format(options.format) && options.output == "-") {
        throw Error(ErrorKind::invalid, "a directory cannot go to standard output")
            .with_hint("name it with --output");
    }
    doing(
        [&] {
            return fmt::format("saving to {}",
                               options.output == "-" ? "standard output" : options.output);
        },
        [&] { write_images(engine, images, options, stop); });
    for (const auto& saved : images) {
        record_event(engine,
                     {.type = events::EventType::image,
                      .action = "save",
                      .id = std::string(saved.image.image_id.hex()),
                      .name = saved.image.name,
                      .image = {},
                      .attributes = {}});
    }
}

}  // namespace nau::engine
