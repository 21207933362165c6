#include "monitor/detach_keys.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace nau::monitor {
namespace {

struct Fed {
    std::string passed;
    bool detached = false;
    friend bool operator==(const Fed&, const Fed&) = default;
};

Fed feed(const char* keys, std::initializer_list<const char*> pieces) {
    DetachKeys detach = DetachKeys::parse(keys);
    Fed fed;
    for (const char* piece : pieces) {
        const auto result = detach.feed(piece);
        fed.passed += result.pass_on;
        fed.detached = fed.detached || result.detached;
    }
    return fed;
}

TEST_CASE("the sequence detaches, whole or in pieces; anything else is passed on") {
    const char* keys = "ctrl-p,ctrl-q";
    CHECK(feed(keys, {"abc"}) == Fed{"abc", false});
    CHECK(feed(keys, {"\x10\x11"}) == Fed{"", true});
    CHECK(feed(keys, {"ab\x10", "\x11"}) == Fed{"ab", true});
    CHECK(feed(keys, {"\x10"}) == Fed{"", false});
    CHECK(feed(keys, {"\x10", "x"}) == Fed{"\x10x", false});
    CHECK(feed(keys, {"\x10\x10\x11"}) == Fed{"\x10", true});
    CHECK(feed(keys, {"\x11\x10"}) == Fed{"\x11", false});
}

TEST_CASE("a beginning inside the sequence itself is not lost") {
    CHECK(feed("a,a,b", {"aaab"}) == Fed{"a", true});
    CHECK(feed("a,b,a,c", {"ababac"}) == Fed{"ab", true});
}

TEST_CASE("no keys: nothing detaches") {
    CHECK(feed("", {"\x10\x11"}) == Fed{"\x10\x11", false});
}

TEST_CASE("keys that make no sense are invalid") {
    for (const char* text : {"ctrl-", "ctrl-P", "ctrl-pp", "ab", ",", "a,", "ctrl-1", " "}) {
        CAPTURE(text);
        CHECK_THROWS_AS((void)DetachKeys::parse(text), Error);
    }
    CHECK(feed("ctrl-@", {std::string(1, '\0').c_str()}) == Fed{"", false});
    CHECK(feed("ctrl-[,x", {"\x1bx"}) == Fed{"", true});
    CHECK(feed("ctrl-_", {"\x1f"}) == Fed{"", true});
}

}  // namespace
}  // namespace nau::monitor
