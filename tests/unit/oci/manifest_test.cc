#include "oci/manifest.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "oci/media_type.h"

using nau::ErrorKind;
using nau::oci::detect_media_type;
using nau::oci::Index;
using nau::oci::Manifest;
using nau::oci::parse_index;
using nau::oci::parse_manifest;
namespace mt = nau::oci::media_type;

namespace {

const std::string kDigestA = "sha256:" + std::string(64, 'a');
const std::string kDigestB = "sha256:" + std::string(64, 'b');

std::string descriptor(std::string_view media_type, const std::string& digest, int size) {
    return fmt::format(R"({{"digest":"{}","mediaType":"{}","size":{}}})", digest, media_type, size);
}

const std::string kConfig = descriptor(mt::kImageConfig, kDigestA, 7);
const std::string kLayer = descriptor(mt::kLayerGzip, kDigestB, 9);
const std::string kEntry = descriptor(mt::kImageManifest, kDigestB, 9);

/// A document of schema version 2 with these members; `media_type` may be empty.
std::string document(std::string_view media_type, const std::string& members) {
    const std::string type =
        media_type.empty() ? "" : fmt::format(R"("mediaType":"{}",)", media_type);
    return fmt::format(R"({{"schemaVersion":2,{}{}}})", type, members);
}

std::string manifest_members() {
    return R"("config":)" + kConfig + R"(,"layers":[)" + kLayer + "]";
}
std::string index_members() {
    return R"("manifests":[)" + kEntry + "]";
}

template <typename Action>
nau::Error error_of(Action action) {
    try {
        action();
    } catch (const nau::Error& error) {
        return error;
    }
    return nau::Error(ErrorKind::internal, "accepted");
}

}  // namespace

TEST_CASE("manifests of both formats are read, declared or not") {
    for (const auto type : {mt::kImageManifest, mt::kDockerManifest}) {
        for (const bool is_declared : {true, false}) {
            CAPTURE(type);
            const Manifest manifest =
                parse_manifest(document(is_declared ? type : "", manifest_members()), type);
            CHECK(manifest.media_type == type);
            CHECK(manifest.schema_version == 2);
            CHECK(manifest.config.digest.to_string() == kDigestA);
            CHECK(manifest.config.size_bytes == 7);
            REQUIRE(manifest.layers.size() == 1);
            CHECK(manifest.layers[0].media_type == mt::kLayerGzip);
            CHECK(manifest.layers[0].digest.to_string() == kDigestB);
        }
    }
}

TEST_CASE("indexes of both formats are read, declared or not") {
    for (const auto type : {mt::kImageIndex, mt::kDockerManifestList}) {
        for (const bool is_declared : {true, false}) {
            CAPTURE(type);
            const Index index =
                parse_index(document(is_declared ? type : "", index_members()), type);
            CHECK(index.media_type == type);
            REQUIRE(index.manifests.size() == 1);
            CHECK(index.manifests[0].digest.to_string() == kDigestB);
        }
    }
    CHECK(parse_index(document("", R"("manifests":[])"), "").manifests.empty());
    CHECK(parse_index(document("", R"("manifests":null)"), "").manifests.empty());
}

TEST_CASE("the media type is detected where nobody tells it") {
    CHECK(detect_media_type(document("", manifest_members())) == mt::kImageManifest);
    CHECK(detect_media_type(document("", index_members())) == mt::kImageIndex);
    CHECK(detect_media_type(document(mt::kDockerManifest, manifest_members())) ==
          mt::kDockerManifest);
    CHECK(detect_media_type(document(mt::kDockerManifestList, index_members())) ==
          mt::kDockerManifestList);
    CHECK(parse_manifest(document("", manifest_members()), "").media_type == mt::kImageManifest);
    CHECK(parse_index(document("", index_members()), "").media_type == mt::kImageIndex);
}

TEST_CASE("a document that can be read in two ways is refused") {
    struct Row {
        std::string text;
        std::string_view delivered;
        std::string error;
    };
    const std::string both = manifest_members() + "," + index_members();
    for (const auto& row : {
             Row{document("", both), mt::kImageManifest, "is a manifest and an index at once"},
             Row{document("", both), mt::kImageIndex, "is a manifest and an index at once"},
             Row{document("", both), "", "is a manifest and an index at once"},
             Row{document(mt::kImageIndex, both), mt::kImageIndex, "is a manifest and an index"},
             Row{document("", manifest_members() + R"(,"manifests":null)"),
                 mt::kImageManifest,
                 "is a manifest and an index at once"},
             Row{document("", index_members() + R"(,"layers":[])"),
                 mt::kImageIndex,
                 "is a manifest and an index at once"},
             Row{document("", index_members() + R"(,"config":{})"),
                 mt::kImageIndex,
                 "is a manifest and an index at once"},
             Row{document("", index_members() + R"(,"fsLayers":[])"),
                 mt::kImageIndex,
                 "is a manifest and an index at once"},
             Row{document(mt::kDockerManifest, manifest_members()),
                 mt::kImageManifest,
                 "was delivered as"},
             Row{document(mt::kImageIndex, manifest_members()),
                 mt::kImageManifest,
                 "contradicts its members"},
             Row{document(mt::kImageManifest, index_members()), "", "contradicts its members"},
             Row{document("text/plain", manifest_members()), "", "contradicts its members"},
             Row{document("", index_members()), mt::kImageManifest, "is not an image manifest"},
             Row{document("", manifest_members()), mt::kImageIndex, "is not an image manifest"},
             Row{document("", manifest_members()), mt::kImageConfig, "is not an image manifest"},
             Row{document("", R"("annotations":{})"), "", "is neither"},
         }) {
        CAPTURE(row.text);
        const auto error = error_of([&] { (void)parse_manifest(row.text, row.delivered); });
        CHECK(error.kind() == ErrorKind::corrupt);
        CHECK(error.text().find(row.error) != std::string::npos);
    }
    CHECK(error_of([] {
              (void)parse_index(document("", manifest_members()), mt::kImageIndex);
          }).text() ==
          "manifest: is not an image index (media type "
          "'application/vnd.oci.image.index.v1+json')");
}

TEST_CASE("schema version 1 is refused by name") {
    const std::string text = R"({"schemaVersion":1,"name":"a","fsLayers":[],"history":[]})";
    for (const auto delivered : {std::string_view(""),
                                 mt::kDockerManifestV1,
                                 mt::kDockerManifestV1Signed,
                                 mt::kDockerManifest}) {
        CAPTURE(delivered);
        const auto error = error_of([&] { (void)parse_manifest(text, delivered); });
        CHECK(error.kind() == ErrorKind::unsupported);
        CHECK(error.text().find("schema version 1") != std::string::npos);
        CHECK_FALSE(error.hint().empty());
    }
}

TEST_CASE("damaged manifests are refused") {
    const std::string good = document("", manifest_members());
    for (size_t length = 0; length < good.size(); ++length) {
        CAPTURE(length);
        CHECK(error_of([&] {
                  (void)parse_manifest(std::string_view(good).substr(0, length), "");
              }).kind() == ErrorKind::corrupt);
    }
    struct Row {
        std::string text;
        std::string error;
    };
    for (const auto& row : {
             Row{"[]", "manifest: is not an object"},
             Row{"null", "manifest: is not an object"},
             Row{"{}", "manifest: has no 'schemaVersion'"},
             Row{R"({"schemaVersion":3,"layers":[]})", "manifest: schemaVersion is not 2"},
             Row{R"({"schemaVersion":"2","layers":[]})", "manifest: schemaVersion: is not an"},
             Row{document("", R"("layers":[])"), "manifest: has no 'config'"},
             Row{document("", R"("config":)" + kConfig + R"(,"layers":{})"),
                 "manifest: layers: is not a list"},
             Row{document("", R"("config":)" + kConfig + R"(,"layers":[{}])"),
                 "manifest: layers[0]: has no 'mediaType'"},
             Row{document("", manifest_members() + R"(,"subject":[])"),
                 "manifest: subject: is not an object"},
             Row{document("", manifest_members() + R"(,"annotations":{"a":[]})"),
                 "manifest: annotations: a: is not a string"},
             Row{good + "x", "manifest: is not valid JSON"},
             Row{"{\"schemaVersion\":2,\"layers\":[\"\xff\"]}", "manifest: is not valid JSON"},
             Row{std::string(200, '['), "manifest: is nested deeper"},
         }) {
        CAPTURE(row.text);
        const auto error = error_of([&] { (void)parse_manifest(row.text, ""); });
        CHECK(error.kind() == ErrorKind::corrupt);
        CHECK(error.text().substr(0, row.error.size()) == row.error);
    }
}

TEST_CASE("size limits hold") {
    std::string text = document("", manifest_members());
    text.resize(nau::oci::kMaxManifestBytes, ' ');
    CHECK(parse_manifest(text, "").layers.size() == 1);
    text.push_back(' ');
    CHECK(error_of([&] { (void)parse_manifest(text, ""); }).text() ==
          "manifest: is larger than 4 MiB (4194305 bytes)");
}

TEST_CASE("what is written is read again") {
    Manifest manifest = parse_manifest(document("", manifest_members()), "");
    manifest.artifact_type = "a/b";
    manifest.subject = manifest.layers[0];
    manifest.annotations["k"] = "v";
    CHECK(parse_manifest(to_json_text(manifest), manifest.media_type) == manifest);

    Index index = parse_index(document("", index_members()), "");
    index.manifests[0].platform = {.os = "linux", .architecture = "amd64"};
    index.annotations["k"] = "v";
    CHECK(parse_index(to_json_text(index), index.media_type) == index);
    CHECK(to_json_text(Index{.media_type = std::string(mt::kImageIndex)}) ==
          R"({"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json",)"
          R"("schemaVersion":2})");
}
