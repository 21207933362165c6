#include "oci/layout/member_name.h"

#include <doctest/doctest.h>

#include "base/error.h"

using nau::oci::clean_member_name;
using nau::oci::resolve_member_link;

TEST_CASE("names are cleaned") {
    CHECK(clean_member_name("a/b") == "a/b");
    CHECK(clean_member_name("./a//b/./c/") == "a/b/c");
    CHECK(clean_member_name("..a/b..") == "..a/b..");
    CHECK(clean_member_name("./").empty());
    CHECK(clean_member_name("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("names that lead elsewhere are refused") {
    for (const auto* name :
         {"", "/a", "//a", "..", "../a", "a/..", "a/../b", "./..", "a\nb", "a\x01"}) {
        CAPTURE(name);
        CHECK_THROWS_AS(clean_member_name(name), nau::Error);
    }
    CHECK_THROWS_AS(clean_member_name(std::string("a\0b", 3)), nau::Error);
    CHECK_THROWS_AS(clean_member_name(std::string(1025, 'a')), nau::Error);
}

TEST_CASE("links are resolved within the archive") {
    CHECK(resolve_member_link("two/layer.tar", "../one/layer.tar") == "one/layer.tar");
    CHECK(resolve_member_link("a", "b") == "b");
    CHECK(resolve_member_link("a/b/c", "./../d") == "a/d");
    for (const auto* target : {"", "/one/layer.tar", "../../x", "../../../etc/passwd"}) {
        CAPTURE(target);
        CHECK_THROWS_AS(resolve_member_link("two/layer.tar", target), nau::Error);
    }
}
