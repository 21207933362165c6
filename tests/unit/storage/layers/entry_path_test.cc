#include "storage/layers/entry_path.h"

#include <doctest/doctest.h>

using nau::storage::clean_path;
using Names = std::vector<std::string_view>;

TEST_CASE("paths are cleaned lexically and never leave the root") {
    CHECK(clean_path("a/b") == Names{"a", "b"});
    CHECK(clean_path("./a//b/./") == Names{"a", "b"});
    CHECK(clean_path("/etc/passwd") == Names{"etc", "passwd"});
    CHECK(clean_path("a/../b") == Names{"b"});
    CHECK(clean_path("../../etc") == Names{"etc"});
    CHECK(clean_path("a/../../../b") == Names{"b"});
    CHECK(clean_path("...") == Names{"..."});
    for (const char* root : {"", ".", "/", "./", "..", "a/..", "//", "/../"}) {
        CAPTURE(root);
        CHECK(clean_path(root).empty());
    }
}
