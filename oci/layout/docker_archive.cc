#include "oci/layout/docker_archive.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "oci/layout/member_name.h"

namespace nau::oci {

namespace {

constexpr std::string_view kWhat = "manifest.json";
constexpr size_t kMaxImages = 10'000;
constexpr size_t kMaxLayers = 10'000;

DockerArchiveImage parse_image(const json::Field& field) {
    DockerArchiveImage image;
    image.config = clean_member_name(field.at("Config").as_string());
    image.repo_tags = field.string_list_or_empty("RepoTags");
    for (const auto& layer : field.string_list_or_empty("Layers")) {
        image.layers.push_back(clean_member_name(layer));
    }
    if (image.layers.size() > kMaxLayers) {
        field.fail("has too many layers");
    }
    return image;
}

}  // namespace

std::vector<DockerArchiveImage> parse_docker_manifest(std::string_view bytes) {
    if (bytes.size() > kMaxDockerManifestBytes) {
        throw Error(
            ErrorKind::corrupt, "{}: is larger than {} MiB", kWhat, kMaxDockerManifestBytes >> 20U);
    }
    const json::Value document = json::parse(bytes, kWhat);
    std::vector<DockerArchiveImage> images;
    for (const auto& element : json::Field(document, kWhat).elements()) {
        images.push_back(parse_image(element));
    }
    if (images.size() > kMaxImages) {
        throw Error(ErrorKind::corrupt, "{}: names more than {} images", kWhat, kMaxImages);
    }
    return images;
}

std::string to_json_text(const std::vector<DockerArchiveImage>& images) {
    json::Value list = json::Value::array();
    for (const auto& image : images) {
        list.push_back(
            {{"Config", image.config}, {"RepoTags", image.repo_tags}, {"Layers", image.layers}});
    }
    return json::to_text(list);
}

std::string to_json_text(const DockerRepositories& repositories) {
    json::Value object = json::Value::object();
    for (const auto& [repository, tags] : repositories) {
        object[repository] = tags;
    }
    return json::to_text(object);
}

}  // namespace nau::oci
