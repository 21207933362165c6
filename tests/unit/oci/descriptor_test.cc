#include "oci/descriptor.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

using nau::oci::Descriptor;
using nau::oci::parse_descriptor;

namespace {

const std::string kDigest =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

Descriptor parse(const std::string& text) {
    const auto value = nau::json::parse(text, "descriptor");
    return parse_descriptor(nau::json::Field(value, "descriptor"));
}

/// A good descriptor with one member replaced, or removed when `value` is empty.
std::string with(const std::string& member, const std::string& value) {
    auto json =
        nau::json::parse(R"({"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":")" +
                             kDigest + R"("})",
                         "test");
    if (value.empty()) {
        json.erase(member);
    } else {
        json[member] = nau::json::parse(value, "test");
    }
    return json.dump();
}

}  // namespace

TEST_CASE("a descriptor is read whole and written again") {
    const std::string text =
        R"({"annotations":{"a":"b"},"artifactType":"x/y","data":"e30=","digest":")" + kDigest +
        R"(","mediaType":"application/vnd.oci.empty.v1+json",)"
        R"("platform":{"architecture":"arm","os":"linux","variant":"v6"},)"
        R"("size":2,"urls":["https://example.com/a"]})";
    const Descriptor descriptor = parse(text);
    CHECK(descriptor.media_type == "application/vnd.oci.empty.v1+json");
    CHECK(descriptor.digest.to_string() == kDigest);
    CHECK(descriptor.size_bytes == 2);
    CHECK(descriptor.urls == std::vector<std::string>{"https://example.com/a"});
    CHECK(descriptor.annotations.at("a") == "b");
    CHECK(to_string(descriptor.platform.value()) == "linux/arm/v6");
    CHECK(descriptor.artifact_type == "x/y");
    CHECK(descriptor.data == "{}");
    CHECK(to_json(descriptor).dump() == text);
}

TEST_CASE("what contradicts the spec is refused, naming the member") {
    struct Row {
        std::string member;
        std::string value;
        std::string error;
    };
    const std::string x64(64, 'a');
    for (const auto& row : {
             Row{"mediaType", "", "descriptor: has no 'mediaType'"},
             Row{"mediaType", "null", "descriptor: has no 'mediaType'"},
             Row{"mediaType", R"("")", "descriptor: mediaType: is not a media type"},
             Row{"mediaType", R"("text")", "descriptor: mediaType: is not a media type"},
             Row{"mediaType", R"("a/b c")", "descriptor: mediaType: is not a media type"},
             Row{"mediaType", R"("a/b\n")", "descriptor: mediaType: is not a media type"},
             Row{"mediaType", "7", "descriptor: mediaType: is not a string"},
             Row{"size", "", "descriptor: has no 'size'"},
             Row{"size", "-1", "descriptor: size: is not an unsigned integer of 64 bits"},
             Row{"size", "1.0", "descriptor: size: is not an unsigned integer of 64 bits"},
             Row{"size", R"("1")", "descriptor: size: is not an unsigned integer of 64 bits"},
             Row{"size", "9223372036854775808", "descriptor: size: is larger than a file can be"},
             Row{"size", "99999999999999999999999", "descriptor: size: is not an unsigned"},
             Row{"digest", "", "descriptor: has no 'digest'"},
             Row{"digest", R"("sha256:../../x")", "descriptor: digest: is not a sha256"},
             Row{"digest", R"("md5:)" + x64 + R"(")", "descriptor: digest: is not a sha256"},
             Row{"digest",
                 R"("sha256:)" + std::string(64, 'A') + R"(")",
                 "descriptor: digest: is not a sha256"},
             Row{"urls", R"("x")", "descriptor: urls: is not a list"},
             Row{"urls", "[1]", "descriptor: urls: element 0 is not a string"},
             Row{"annotations", R"({"a":1})", "descriptor: annotations: a: is not a string"},
             Row{"platform", "[]", "descriptor: platform: is not an object"},
             Row{"platform", R"({"os":1})", "descriptor: platform: os: is not a string"},
             Row{"data", R"("e30")", "descriptor: data: is not base64 of as many bytes"},
             Row{"data", R"("e3==")", "descriptor: data: is not base64 of as many bytes"},
             Row{"data", R"("e\n0=")", "descriptor: data: is not base64 of as many bytes"},
             Row{"data", R"("====")", "descriptor: data: is not base64 of as many bytes"},
         }) {
        const std::string text = with(row.member, row.value);
        CAPTURE(text);
        try {
            (void)parse(text);
            FAIL("accepted");
        } catch (const nau::Error& error) {
            CHECK(error.kind() == nau::ErrorKind::corrupt);
            CHECK(error.text().substr(0, row.error.size()) == row.error);
        }
    }
}

TEST_CASE("urls of other schemes are forgotten") {
    const Descriptor descriptor =
        parse(with("urls", R"(["file:///etc/shadow","http://a/","https://b/","ftp://c/","//d"])"));
    CHECK(descriptor.urls == std::vector<std::string>{"http://a/", "https://b/"});
}

TEST_CASE("embedded data is base64 of every length") {
    struct Row {
        std::string base64;
        std::string data;
    };
    for (const auto& row : {Row{"", ""},
                            Row{"AA==", std::string(1, '\0')},
                            Row{"Zm8=", "fo"},
                            Row{"Zm9v", "foo"},
                            Row{"Zm9vYg==", "foob"},
                            Row{"//79/A==", "\xff\xfe\xfd\xfc"}}) {
        CAPTURE(row.base64);
        auto json = nau::json::parse(with("data", "\"" + row.base64 + "\""), "test");
        json["size"] = row.data.size();
        const Descriptor descriptor = parse(json.dump());
        CHECK(descriptor.data == row.data);
        CHECK(to_json(descriptor)["data"] == row.base64);
    }
}
