#include "oci/layout/layout.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace layout = nau::oci::layout;
using nau::ErrorKind;

namespace {

ErrorKind failure(std::string_view text) {
    try {
        layout::check_header(text);
    } catch (const nau::Error& error) {
        return error.kind();
    }
    FAIL("accepted");
    return ErrorKind::internal;
}

}  // namespace

TEST_CASE("the header that is written is one that is read") {
    layout::check_header(layout::header_text());
    layout::check_header(R"({"imageLayoutVersion": "1.0.0", "more": 1})");
}

TEST_CASE("headers of other versions, and what is none") {
    CHECK(failure(R"({"imageLayoutVersion":"2.0.0"})") == ErrorKind::unsupported);
    for (const auto* text :
         {"", "[]", "{}", R"({"imageLayoutVersion":1})", "null", "{\"imageLayoutVersion\""}) {
        CAPTURE(text);
        CHECK(failure(text) == ErrorKind::corrupt);
    }
}

TEST_CASE("blobs stand below their algorithm") {
    CHECK(layout::blob_name(nau::oci::digest_of(std::string_view(""))) ==
          "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
