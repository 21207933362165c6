#include "oci/layout/docker_archive.h"

#include <string>

#include <doctest/doctest.h>

#include "base/error.h"

using nau::oci::DockerArchiveImage;
using nau::oci::parse_docker_manifest;

TEST_CASE("a list of images is read") {
    const auto images = parse_docker_manifest(
        R"([{"Config":"a.json","RepoTags":["x:1","y:2"],"Layers":["one/layer.tar","./two//layer.tar"]},
            {"Config":"b.json","RepoTags":null,"Layers":null,"LayerSources":{}}])");
    const std::vector<DockerArchiveImage> expected = {
        {.config = "a.json",
         .repo_tags = {"x:1", "y:2"},
         .layers = {"one/layer.tar", "two/layer.tar"}},
        {.config = "b.json", .repo_tags = {}, .layers = {}}};
    CHECK(images == expected);
    CHECK(parse_docker_manifest("[]").empty());
}

TEST_CASE("what is written is read again") {
    const std::vector<DockerArchiveImage> images = {
        {.config = "blobs/sha256/aa", .repo_tags = {"alpine:3.20"}, .layers = {"blobs/sha256/bb"}},
        {.config = "c", .repo_tags = {}, .layers = {}}};
    CHECK(parse_docker_manifest(nau::oci::to_json_text(images)) == images);
    CHECK(nau::oci::to_json_text(nau::oci::DockerRepositories{{"alpine", {{"3.20", "ab"}}}}) ==
          R"({"alpine":{"3.20":"ab"}})");
}

TEST_CASE("hostile lists are refused") {
    for (const auto* text : {"",
                             "{}",
                             "null",
                             "[1]",
                             "[{}]",
                             R"([{"Config":null}])",
                             R"([{"Config":""}])",
                             R"([{"Config":"../x"}])",
                             R"([{"Config":"/etc/passwd"}])",
                             R"([{"Config":"x","Layers":"y"}])",
                             R"([{"Config":"x","Layers":["../../y"]}])",
                             R"([{"Config":"x","Layers":["a/../../y"]}])",
                             R"([{"Config":"x","RepoTags":[1]}])"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_docker_manifest(text), nau::Error);
    }
    CHECK_THROWS_AS(parse_docker_manifest(std::string(17 << 20, ' ')), nau::Error);
}
