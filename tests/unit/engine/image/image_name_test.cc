#include "engine/image/image_name.h"

#include <string>

#include <doctest/doctest.h>

using namespace nau::engine;

TEST_CASE("an image without a name has a record under its id") {
    const auto id = nau::oci::digest_of(std::string_view("x"));
    const std::string record = nameless_record(id);
    CHECK(is_nameless(record));
    CHECK_FALSE(reference_of_record(record).has_value());
    CHECK(shown_name(record).repository == "<none>");
    CHECK(shown_name(record).tag == "<none>");
    for (const auto* name :
         {"docker.io/library/alpine:3.20", "sha256:abc", "localhost/sha256:1", ""}) {
        CAPTURE(name);
        CHECK_FALSE(is_nameless(name));
    }
    CHECK(shown_name("docker.io/library/alpine:3.20").repository == "docker.io/library/alpine");
    CHECK(shown_name("docker.io/library/alpine:3.20").tag == "3.20");
    CHECK(shown_name("docker.io/library/alpine@" + record).tag == "<none>");
}

TEST_CASE("names in archives are completed, or are none") {
    const auto name = [](const std::string& text) {
        const auto reference = reference_from_archive(text);
        return reference ? reference->to_string() : "none";
    };
    CHECK(name("alpine:3.20") == "docker.io/library/alpine:3.20");
    CHECK(name("quay.io/a/b:1") == "quay.io/a/b:1");
    CHECK(name("latest") == "localhost/latest:latest");
    CHECK(name("v1.2") == "localhost/v1.2:latest");
    for (const auto* text : {"", "../x:1", "a:b:c", "/x", "Bad/NAME:1", " "}) {
        CAPTURE(text);
        CHECK(name(text) == "none");
    }
    CHECK(name(nameless_record(nau::oci::digest_of(std::string_view("x")))) == "none");
}
