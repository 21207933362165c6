#include "runtime/users.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"

namespace {

using nau::Error;
using nau::ErrorKind;
using nau::runtime::resolve_user_in;

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment: with: colons: that: is: no: entry\n"
    "+::::::\n"
    "short:x:5\n"
    "app:x:1000:100:App:/home/app:/bin/sh\n"
    "1001:x:0:0:digits as a name:/evil:/bin/sh\n"
    "4294967296:x:0:0:big digits as a name:/evil:/bin/sh\n"
    "wrapped:x:4294967296:0::/:\n"
    "negative:x:-1:0::/:\n"
    "hex:x:0x0:0::/:\n"
    "nogid:x:7:::/:\n"
    "nohome:x:8:8:::\n"
    "relative:x:9:9::../../etc:\n"
    "samba$:x:10:10::/:\n"
    "last:x:11:11::/last";

constexpr const char* kGroup =
    "root:x:0:\n"
    "users:x:100:app,other\n"
    "wheel:x:10:root, app\n"
    "audio:x:29:other\n"
    "dup:x:10:app\n"
    "2000:x:0:\n"
    "badgid:x:99999999999:nobody-here\n"
    "cruel:x:-5:victim\n";

struct Expected {
    const char* spec;
    uint32_t uid;
    uint32_t gid;
    std::vector<uint32_t> gids;
    const char* name;
    const char* home;
};

}  // namespace

TEST_CASE("users and groups are found by name and by number") {
    const Expected table[] = {
        {"", 0, 0, {0, 10}, "root", "/root"},
        {"root", 0, 0, {0, 10}, "root", "/root"},
        {"0", 0, 0, {0, 10}, "root", "/root"},
        {"app", 1000, 100, {100, 10}, "app", "/home/app"},
        {"1000", 1000, 100, {100, 10}, "app", "/home/app"},
        {"app:audio", 1000, 29, {29}, "app", "/home/app"},
        {"app:29", 1000, 29, {29}, "app", "/home/app"},
        {"1000:wheel", 1000, 10, {10}, "app", "/home/app"},
        {":29", 0, 29, {29}, "root", "/root"},
        {"777", 777, 0, {0}, "", "/"},
        {"777:888", 777, 888, {888}, "", "/"},
        {"2147483647", 2147483647, 0, {0}, "", "/"},
        // Digits are a number, whatever names the image invents.
        {"1001", 1001, 0, {0}, "", "/"},
        {"app:2000", 1000, 2000, {2000}, "app", "/home/app"},
        {"nohome", 8, 8, {8}, "nohome", "/"},
        {"relative", 9, 9, {9}, "relative", "/"},
        {"samba$", 10, 10, {10}, "samba$", "/"},
        {"last", 11, 11, {11}, "last", "/last"},
    };
    for (const Expected& expected : table) {
        CAPTURE(expected.spec);
        const auto user = resolve_user_in(kPasswd, kGroup, expected.spec);
        CHECK(user.uid == expected.uid);
        CHECK(user.gid == expected.gid);
        CHECK(user.additional_gids == expected.gids);
        CHECK(user.name == expected.name);
        CHECK(user.home == expected.home);
    }
}

TEST_CASE("what is no id and no known name is refused") {
    struct Case {
        const char* spec;
        ErrorKind kind;
    };
    const Case table[] = {
        {"nobody-here", ErrorKind::not_found},
        {"short", ErrorKind::not_found},
        {"app:nogroup", ErrorKind::not_found},
        {"0x0", ErrorKind::not_found},
        {"2147483648", ErrorKind::invalid},
        {"4294967295", ErrorKind::invalid},
        {"4294967296", ErrorKind::invalid},
        {"99999999999999999999999", ErrorKind::invalid},
        {"-1", ErrorKind::invalid},
        {"+1", ErrorKind::invalid},
        {" 0", ErrorKind::invalid},
        {"0 ", ErrorKind::invalid},
        {"+", ErrorKind::invalid},
        {"a b", ErrorKind::invalid},
        {"a/b", ErrorKind::invalid},
        {"a\nb", ErrorKind::invalid},
        {"app:", ErrorKind::invalid},
        {"app:a:b", ErrorKind::invalid},
        {"app:2147483648", ErrorKind::invalid},
        {"app:-1", ErrorKind::invalid},
        {"app:badgid", ErrorKind::invalid},
        {"wrapped", ErrorKind::invalid},
        {"negative", ErrorKind::invalid},
        {"hex", ErrorKind::invalid},
        {"nogid", ErrorKind::invalid},
        {"$", ErrorKind::invalid},
    };
    for (const Case& test : table) {
        CAPTURE(test.spec);
        try {
            resolve_user_in(kPasswd, kGroup, test.spec);
            FAIL("was accepted");
        } catch (const Error& error) {
            CHECK(error.kind() == test.kind);
        }
    }
}

TEST_CASE("a member of a group whose id is out of range is an error, not somebody else") {
    CHECK_THROWS_AS(resolve_user_in("victim:x:5:5::/:\n", kGroup, "victim"), Error);
}

TEST_CASE("without any files only numbers work") {
    CHECK(resolve_user_in("", "", "").uid == 0);
    CHECK(resolve_user_in("", "", "5:6").gid == 6);
    CHECK_THROWS_AS(resolve_user_in("", "", "root"), Error);
}
