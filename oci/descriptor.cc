#include "oci/descriptor.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "oci/base64.h"

namespace nau::oci {

namespace {

/// RFC 6838: type "/" subtype of at most 127 characters each.
bool is_media_type_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 127 &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      std::string_view("!#$&-^_.+").find(static_cast<char>(c)) !=
                          std::string_view::npos;
           });
}

std::string parse_media_type(const json::Field& field) {
    std::string media_type = field.as_string();
    const auto parts = split_once(media_type, '/');
    if (!parts || !is_media_type_name(parts->first) || !is_media_type_name(parts->second)) {
        field.fail("is not a media type");
    }
    return media_type;
}

Digest parse_digest(const json::Field& field) {
    auto digest = Digest::try_parse(field.as_string());
    if (!digest) {
        field.fail("is not a sha256 or sha512 digest");
    }
    return *std::move(digest);
}

uint64_t parse_size(const json::Field& field) {
    const uint64_t size = field.as_uint64();
    if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        field.fail("is larger than a file can be");
    }
    return size;
}

std::vector<std::string> parse_urls(const json::Field& field) {
    std::vector<std::string> urls = field.string_list_or_empty("urls");
    std::erase_if(urls, [](const std::string& url) {
        return !url.starts_with("https://") && !url.starts_with("http://");
    });
    return urls;
}

std::optional<std::string> parse_data(const json::Field& field, uint64_t size_bytes) {
    const auto text = field.optional_string("data");
    if (!text) {
        return std::nullopt;
    }
    auto data = decode_base64(*text);
    if (!data || data->size() != size_bytes) {
        field.at("data").fail("is not base64 of as many bytes as size says");
    }
    return data;
}

}  // namespace

Descriptor parse_descriptor(const json::Field& field) {
    Descriptor descriptor{.media_type = parse_media_type(field.at("mediaType")),
                          .digest = parse_digest(field.at("digest")),
                          .size_bytes = parse_size(field.at("size")),
                          .urls = parse_urls(field),
                          .annotations = field.string_map_or_empty("annotations"),
                          .artifact_type = field.string_or("artifactType", "")};
    if (const auto platform = field.find("platform")) {
        descriptor.platform = parse_platform(*platform);
    }
    descriptor.data = parse_data(field, descriptor.size_bytes);
    return descriptor;
}

json::Value to_json(const Descriptor& descriptor) {
    json::Value value{{"mediaType", descriptor.media_type},
                      {"digest", descriptor.digest.to_string()},
                      {"size", descriptor.size_bytes}};
    if (!descriptor.urls.empty()) {
        value["urls"] = descriptor.urls;
    }
    if (!descriptor.annotations.empty()) {
        value["annotations"] = descriptor.annotations;
    }
    if (descriptor.platform) {
        value["platform"] = to_json(*descriptor.platform);
    }
    if (!descriptor.artifact_type.empty()) {
        value["artifactType"] = descriptor.artifact_type;
    }
    if (descriptor.data) {
        value["data"] = encode_base64(*descriptor.data);
    }
    return value;
}

}  // namespace nau::oci
