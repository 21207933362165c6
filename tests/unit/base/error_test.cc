#include "base/error.h"

#include <cerrno>

#include <doctest/doctest.h>

using nau::Error;
using nau::ErrorKind;
using nau::SysError;

TEST_CASE("doing puts its context before the text and keeps type, kind, errno and hint") {
    try {
        nau::doing("pulling alpine", [] {
            nau::doing([] { return std::string("reading the manifest"); },
                       [] { throw SysError(ENOENT, "open {}", "/a/b"); });
        });
        FAIL("nothing was thrown");
    } catch (const SysError& error) {
        CHECK(error.text() ==
              "pulling alpine: reading the manifest: open /a/b: No such file or directory");
        CHECK(error.kind() == ErrorKind::not_found);
        CHECK(error.error() == ENOENT);
    }
    try {
        nau::doing("outer", [] { throw Error(ErrorKind::in_use, "busy").with_hint("wait"); });
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.text() == "outer: busy");
        CHECK(error.hint() == "wait");
    }
}

TEST_CASE("doing returns what the action returns") {
    CHECK(nau::doing("counting", [] { return 42; }) == 42);
}

TEST_CASE("kinds and their words are inverse") {
    for (const auto kind : {ErrorKind::internal, ErrorKind::corrupt, ErrorKind::interrupted}) {
        CHECK(nau::parse_error_kind(nau::to_string(kind)) == kind);
    }
    CHECK(nau::parse_error_kind("nonsense") == ErrorKind::internal);
}
