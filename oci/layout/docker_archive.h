#pragma once

// manifest.json of a docker-archive, which names an image's config, its layers and its tags by the
// files that hold them, and `repositories`, its predecessor, which docker before 1.10 reads.
//
//   [{"Config": "<hex>.json", "RepoTags": ["alpine:3.20"], "Layers": ["<id>/layer.tar", …]}]

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nau::oci {

inline constexpr size_t kMaxDockerManifestBytes = size_t{16} << 20U;

struct DockerArchiveImage {
    std::string config;                  ///< a cleaned member name
    std::vector<std::string> repo_tags;  ///< as written: nobody has looked at them yet
    std::vector<std::string> layers;     ///< cleaned member names, bottom first

    bool operator==(const DockerArchiveImage&) const = default;
};

/// @throws Error{corrupt} naming the member
std::vector<DockerArchiveImage> parse_docker_manifest(std::string_view bytes);
std::string to_json_text(const std::vector<DockerArchiveImage>& images);

/// Repository → tag → id of the top layer.
using DockerRepositories = std::map<std::string, std::map<std::string, std::string>>;
std::string to_json_text(const DockerRepositories& repositories);

}  // namespace nau::oci
