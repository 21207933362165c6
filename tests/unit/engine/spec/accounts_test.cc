#include "engine/spec/accounts.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau;

namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0::/root:/bin/sh\nann:x:1001:1002::/home/ann:/bin/sh\n";
constexpr std::string_view kGroup = "root:x:0:\nstaff:x:50:ann\n";
constexpr std::string_view kHost = "eve:x:500:501:Eve:/home/eve:/bin/zsh\nbroken\n";

engine::AccountLines lines_of(std::string_view user,
                              uint32_t uid,
                              uint32_t gid,
                              const engine::AccountOptions& options = {},
                              std::string_view workdir = "/work") {
    runtime::ResolvedUser resolved;
    resolved.uid = uid;
    resolved.gid = gid;
    return engine::make_account_lines({.options = options,
                                       .user = user,
                                       .resolved = resolved,
                                       .workdir = workdir,
                                       .passwd_text = kPasswd,
                                       .group_text = kGroup,
                                       .host_passwd_text = kHost});
}

}  // namespace

TEST_CASE("only numbers that the files do not have get lines") {
    struct Row {
        std::string_view user;
        uint32_t uid;
        uint32_t gid;
        std::string_view passwd;
        std::string_view group;
    };
    for (const auto& row : {
             Row{"", 0, 0, "", ""},
             Row{"ann", 1001, 1002, "", ""},
             Row{"0", 0, 0, "", ""},
             Row{"1001:50", 1001, 50, "", ""},
             Row{"1001", 1001, 1002, "", "1001:x:1001:1001\n"},
             Row{"7", 7, 0, "7:*:7:0:container user:/work:/bin/sh\n", "7:x:7:7\n"},
             Row{"7:50", 7, 50, "7:*:7:50:container user:/work:/bin/sh\n", ""},
             Row{"7:staff", 7, 50, "7:*:7:50:container user:/work:/bin/sh\n", ""},
             Row{"ann:77", 1001, 77, "", "77:x:77:ann\n"},
         }) {
        INFO(row.user);
        const auto lines = lines_of(row.user, row.uid, row.gid);
        CHECK(lines.passwd == row.passwd);
        CHECK(lines.group == row.group);
    }
    CHECK(lines_of("7", 7, 0, {.adds_entries = false}).passwd.empty());
}

TEST_CASE("the image's working directory adds no line and no field") {
    for (const std::string_view workdir : {"/x\nevil:x:0:0::/:/bin/sh", "/x:/bin/evil"}) {
        CAPTURE(std::string(workdir));
        CHECK(lines_of("7", 7, 0, {}, workdir).passwd == "7:*:7:0:container user:/:/bin/sh\n");
        CHECK(lines_of("7", 7, 0, {.passwd_entry = "$UID:$HOME"}, workdir).passwd == "7:/\n");
    }
}

TEST_CASE("an entry's variables are replaced, the longer name first") {
    engine::AccountOptions options;
    options.passwd_entry = "$USERNAME:$UID:$GID:$NAME:$HOME:$USER$";
    options.group_entry = "$GROUPNAME:$GID:$USERLIST";
    const auto lines = lines_of("7:8", 7, 8, options);
    CHECK(lines.passwd == "7:7:8:7:/work:$USER$\n");
    CHECK(lines.group == "8:8:7\n");
    options.passwd_entry = "a\nroot::0:0:::";
    CHECK_THROWS_AS((void)lines_of("7", 7, 0, options), Error);
}

TEST_CASE("users of the host come with their comment and home, and once") {
    const engine::AccountOptions eve = {.host_users = {"eve"}};
    CHECK(lines_of("", 0, 0, eve).passwd == "eve:*:500:501:Eve:/home/eve:/bin/sh\n");
    CHECK(lines_of("500", 500, 0, eve).passwd == "eve:*:500:501:Eve:/home/eve:/bin/sh\n");
    CHECK(lines_of("", 0, 0, {.host_users = {"500"}}).passwd.starts_with("eve:"));
    CHECK_THROWS_AS((void)lines_of("", 0, 0, {.host_users = {"bob"}}), Error);
    CHECK_THROWS_AS((void)lines_of("", 0, 0, {.host_users = {"broken"}}), Error);
}

TEST_CASE("lines go behind a file that has no line end") {
    CHECK(engine::append_lines("a", "b\n") == "a\nb\n");
    CHECK(engine::append_lines("a\n", "b\n") == "a\nb\n");
    CHECK(engine::append_lines("", "b\n") == "b\n");
}
