#include "oci/manifest.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "oci/media_type.h"

namespace nau::oci {

namespace {

constexpr std::string_view kWhat = "manifest";

Error schema1_error() {
    return Error(ErrorKind::unsupported,
                 "manifest: is of Docker's schema version 1, which is no longer supported")
        .with_hint("have the image pushed again by a current tool, which writes schema version 2");
}

void check_schema_version(const json::Field& root) {
    const uint64_t version = root.at("schemaVersion").as_uint64();
    if (version == 1) {
        throw schema1_error();
    }
    if (version != 2) {
        root.fail("schemaVersion is not 2");
    }
}

/// What the members say the document is. Presence counts, even with the value null: another reader
/// may see a list there.
enum class Shape { manifest, index };

Shape shape_of(const json::Field& root) {
    const auto& value = root.value();
    const bool is_index_shaped = value.contains("manifests");
    const bool is_manifest_shaped =
        value.contains("layers") || value.contains("config") || value.contains("fsLayers");
    if (is_index_shaped && is_manifest_shaped) {
        root.fail("is a manifest and an index at once");
    }
    if (!is_index_shaped && !is_manifest_shaped) {
        root.fail("is neither an image manifest nor an index");
    }
    return is_index_shaped ? Shape::index : Shape::manifest;
}

std::string implied_media_type(const json::Field& root) {
    const bool is_index_shaped = shape_of(root) == Shape::index;
    auto declared = root.optional_string("mediaType");
    if (!declared) {
        return std::string(is_index_shaped ? media_type::kImageIndex : media_type::kImageManifest);
    }
    if (is_docker_schema1(*declared)) {
        throw schema1_error();
    }
    if (is_index_shaped ? !is_index(*declared) : !is_manifest(*declared)) {
        root.fail(fmt::format("media type '{}' contradicts its members", *declared));
    }
    return *std::move(declared);
}

json::Value parse_document(std::string_view bytes) {
    if (bytes.size() > kMaxManifestBytes) {
        throw Error(ErrorKind::corrupt,
                    "manifest: is larger than {} MiB ({} bytes)",
                    kMaxManifestBytes >> 20U,
                    bytes.size());
    }
    return json::parse(bytes, kWhat);
}

/// The common checks: schema version, one shape, declared and delivered media types agree.
/// @return the media type
std::string check_document(const json::Field& root, std::string_view delivered) {
    if (!root.value().is_object()) {
        root.fail("is not an object");
    }
    if (is_docker_schema1(delivered)) {
        throw schema1_error();
    }
    check_schema_version(root);
    std::string implied = implied_media_type(root);
    if (delivered.empty()) {
        return implied;
    }
    const bool is_declared = root.optional_string("mediaType").has_value();
    if (is_declared && implied != delivered) {
        root.fail(fmt::format("was delivered as '{}' but says it is '{}'", delivered, implied));
    }
    return std::string(delivered);
}

std::vector<Descriptor> parse_descriptors(const json::Field& root, const char* name) {
    std::vector<Descriptor> descriptors;
    if (const auto list = root.find(name)) {
        for (const auto& element : list->elements()) {
            descriptors.push_back(parse_descriptor(element));
        }
    }
    return descriptors;
}

std::optional<Descriptor> parse_subject(const json::Field& root) {
    const auto subject = root.find("subject");
    return subject ? std::optional(parse_descriptor(*subject)) : std::nullopt;
}

json::Value to_json_list(const std::vector<Descriptor>& descriptors) {
    json::Value list = json::Value::array();
    for (const auto& descriptor : descriptors) {
        list.push_back(to_json(descriptor));
    }
    return list;
}

/// The members that both documents have.
template <typename Document>
json::Value common_members(const Document& document) {
    json::Value value{{"schemaVersion", document.schema_version},
                      {"mediaType", document.media_type}};
    if (!document.artifact_type.empty()) {
        value["artifactType"] = document.artifact_type;
    }
    if (document.subject) {
        value["subject"] = to_json(*document.subject);
    }
    if (!document.annotations.empty()) {
        value["annotations"] = document.annotations;
    }
    return value;
}

}  // namespace

Manifest parse_manifest(std::string_view bytes, std::string_view media_type) {
    const json::Value document = parse_document(bytes);
    const json::Field root(document, kWhat);
    std::string type = check_document(root, media_type);
    if (!is_manifest(type) || shape_of(root) != Shape::manifest) {
        root.fail(fmt::format("is not an image manifest (media type '{}')", type));
    }
    return Manifest{.media_type = std::move(type),
                    .artifact_type = root.string_or("artifactType", ""),
                    .config = parse_descriptor(root.at("config")),
                    .layers = parse_descriptors(root, "layers"),
                    .subject = parse_subject(root),
                    .annotations = root.string_map_or_empty("annotations")};
}

Index parse_index(std::string_view bytes, std::string_view media_type) {
    const json::Value document = parse_document(bytes);
    const json::Field root(document, kWhat);
    std::string type = check_document(root, media_type);
    if (!is_index(type) || shape_of(root) != Shape::index) {
        root.fail(fmt::format("is not an image index (media type '{}')", type));
    }
    return Index{.media_type = std::move(type),
                 .artifact_type = root.string_or("artifactType", ""),
                 .manifests = parse_descriptors(root, "manifests"),
                 .subject = parse_subject(root),
                 .annotations = root.string_map_or_empty("annotations")};
}

std::string detect_media_type(std::string_view bytes) {
    const json::Value document = parse_document(bytes);
    return check_document(json::Field(document, kWhat), {});
}

std::string to_json_text(const Manifest& manifest) {
    json::Value value = common_members(manifest);
    value["config"] = to_json(manifest.config);
    value["layers"] = to_json_list(manifest.layers);
    return json::to_text(value);
}

std::string to_json_text(const Index& index) {
    json::Value value = common_members(index);
    value["manifests"] = to_json_list(index.manifests);
    return json::to_text(value);
}

}  // namespace nau::oci
