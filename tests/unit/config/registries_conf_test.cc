#include "config/registries_conf.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau::config;

namespace {

std::string error_of(const std::string& text) {
    try {
        (void)parse_registries_conf(text, "f");
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "accepted";
}

/// "mirror! location": what is asked in which order; "!" marks the insecure ones.
std::string sources(const RegistriesConf& conf,
                    const std::string& name,
                    const std::string& suffix) {
    std::string text;
    for (const auto& source : pull_sources(conf, name, suffix)) {
        text += text.empty() ? "" : " ";
        text += source.name + (source.is_insecure ? "!" : "") + (source.is_mirror ? "~" : "");
    }
    return text;
}

std::string candidates(const RegistriesConf& conf, const std::string& name) {
    const auto found = resolve_short_name(conf, name);
    std::string text = found.is_certain ? "" : "? ";
    for (const auto& reference : found.references) {
        text += reference + " ";
    }
    return text;
}

constexpr const char* kConf = R"(
unqualified-search-registries = ["one.example", "two.example:5000"]
[[registry]]
prefix = "example.com/foo"
location = "internal.example/bar"
[[registry.mirror]]
location = "m1.example/foo"
[[registry.mirror]]
location = "m2.example"
insecure = true
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "m3.example"
pull-from-mirror = "tag-only"
[[registry]]
location = "example.com"
insecure = true
[[registry]]
prefix = "*.wild.example"
location = "tame.example/all"
[[registry]]
prefix = "*.blocked.example"
blocked = true
[[registry]]
prefix = "*.lan"
insecure = true
[[registry]]
prefix = "example.com/one:1.0"
location = "fixed.example/one"
)";

}  // namespace

TEST_CASE("references are asked for where the longest prefix says") {
    const RegistriesConf conf = parse_registries_conf(kConf, "f");
    struct Row {
        const char* name;
        const char* suffix;
        const char* sources;
    };
    for (const auto& row : {
             Row{"other.example/a", ":1", "other.example/a"},
             Row{"example.com/foo/a",
                 ":1",
                 "m1.example/foo/a~ m3.example/a~ internal.example/bar/a"},
             Row{"example.com/foo/a",
                 "@sha256:1",
                 "m1.example/foo/a~ m2.example/a!~ internal.example/bar/a"},
             Row{"example.com/foobar", ":1", "example.com/foobar!"},
             Row{"example.com/a", ":1", "example.com/a!"},
             Row{"example.com.evil/a", ":1", "example.com.evil/a"},
             Row{"x.wild.example/a/b", ":1", "tame.example/all/a/b"},
             Row{"x.wild.example:5000/a", ":1", "tame.example/all:5000/a"},
             Row{"wild.example/a", ":1", "wild.example/a"},
             Row{"x.wild.example.evil/a", ":1", "x.wild.example.evil/a"},
             Row{"reg.lan:80/a", ":1", "reg.lan:80/a!"},
             Row{"example.com/one", ":1.0", "fixed.example/one"},
             Row{"example.com/one", ":1.1", "example.com/one!"},
         }) {
        CAPTURE(row.name);
        CHECK(sources(conf, row.name, row.suffix) == row.sources);
    }
    CHECK_THROWS_WITH_AS((void)pull_sources(conf, "a.b.blocked.example/x", ":1"),
                         "registry *.blocked.example is blocked by registries.conf",
                         nau::Error);
    CHECK(sources({}, "a.example/b", ":1") == "a.example/b");
}

TEST_CASE("short names") {
    RegistriesConf conf = parse_registries_conf(kConf, "f");
    CHECK(candidates({}, "alpine") == "docker.io/alpine ");
    CHECK(candidates(conf, "alpine:3") == "one.example/alpine:3 two.example:5000/alpine:3 ");
    conf.aliases = {{"alpine", "quay.io/my/alpine"}, {"gone", ""}, {"a/b", "quay.io/c"}};
    CHECK(candidates(conf, "alpine") == "quay.io/my/alpine ");
    CHECK(candidates(conf, "alpine:3@sha256:1") == "quay.io/my/alpine:3@sha256:1 ");
    CHECK(candidates(conf, "a/b:2") == "quay.io/c:2 ");
    CHECK(candidates(conf, "gone") == "one.example/gone two.example:5000/gone ");
    conf.short_name_mode = ShortNameMode::enforcing;
    CHECK(candidates(conf, "x") == "? one.example/x two.example:5000/x ");
    CHECK(candidates(conf, "alpine") == "quay.io/my/alpine ");
    conf.search_registries = {{"one.example"}};
    CHECK(candidates(conf, "x") == "one.example/x ");
    conf.short_name_mode = ShortNameMode::disabled;
    conf.search_registries = {{"a.b", "c.d"}};
    CHECK(candidates(conf, "x") == "a.b/x c.d/x ");

    CHECK(is_short_name("alpine"));
    CHECK(is_short_name("library/alpine:3"));
    CHECK_FALSE(is_short_name("localhost/x"));
    CHECK_FALSE(is_short_name("quay.io/x"));
    CHECK_FALSE(is_short_name("reg:5000/x"));
    CHECK_FALSE(is_short_name("[::1]:5000/x"));
}

TEST_CASE("drop-ins replace and add") {
    RegistriesConf conf = parse_registries_conf(kConf, "f");
    merge_registries_conf(conf,
                          parse_registries_conf(R"(
short-name-mode = "enforcing"
credential-helpers = ["secretservice", "containers-auth.json"]
[aliases]
"x" = "quay.io/x"
[[registry]]
location = "example.com"
)",
                                                "g"));
    CHECK(sources(conf, "example.com/a", ":1") == "example.com/a");
    CHECK(sources(conf, "reg.lan/a", ":1") == "reg.lan/a!");
    CHECK(conf.search_registries == std::vector<std::string>{"one.example", "two.example:5000"});
    CHECK(conf.short_name_mode == ShortNameMode::enforcing);
    CHECK(conf.credential_helpers ==
          std::vector<std::string>{"secretservice", "containers-auth.json"});
    CHECK(candidates(conf, "x") == "quay.io/x ");
    merge_registries_conf(
        conf, parse_registries_conf("unqualified-search-registries = []\n[aliases]\nx = ''", "h"));
    CHECK(candidates(conf, "x") == "docker.io/x ");
}

TEST_CASE("version 1 is still read") {
    const RegistriesConf conf = parse_registries_conf(R"(
[registries.search]
registries = ['one.example', 'two.example']
[registries.insecure]
registries = ['three.example']
[registries.block]
registries = ['four.example']
)",
                                                      "f");
    CHECK(conf.is_version_1);
    CHECK(candidates(conf, "a") == "one.example/a two.example/a ");
    CHECK(sources(conf, "three.example/a", ":1") == "three.example/a!");
    CHECK_THROWS_AS((void)pull_sources(conf, "four.example/a", ""), nau::Error);
}

TEST_CASE("what is wrong is named") {
    struct Row {
        const char* text;
        const char* error;
    };
    for (const auto& row : {
             Row{"unqualified-search-registries = 'a'",
                 "f: unqualified-search-registries: is not a list"},
             Row{"unqualified-search-registries = ['https://a']",
                 "f: search registry 'https://a' is not HOST[:PORT]"},
             Row{"[[registry]]\nblocked = true", "f: registry[0]: has neither prefix nor location"},
             Row{"[[registry]]\nlocation = 'http://a'",
                 "f: registry[0]: location: 'http://a' begins with a scheme (HOST[:PORT][/PATH])"},
             Row{"[[registry]]\nprefix = 'a.*'",
                 "f: registry[0]: prefix 'a.*': a wildcard is '*.' before a domain"},
             Row{"[[registry]]\nlocation = 'a'\n[[registry.mirror]]\ninsecure = true",
                 "f: registry[0]: mirror[0]: has no 'location'"},
             Row{"[[registry]]\nlocation = 'a'\n[[registry.mirror]]\nlocation = 'b'\n"
                 "pull-from-mirror = 'x'",
                 "f: registry[0]: mirror[0]: pull-from-mirror is 'x', not all, digest-only or "
                 "tag-only"},
             Row{"short-name-mode = 'x'",
                 "f: short-name-mode is 'x', not enforcing, permissive or disabled"},
             Row{"[aliases]\n'a:1' = 'b.c/d'",
                 "f: aliases: a:1: an alias is a name without registry and tag"},
             Row{"[aliases]\na = 'b'", "f: aliases: a: 'b' is not REGISTRY/REPOSITORY"},
             Row{"[aliases]\na = 'b.c/d:1'", "f: aliases: a: 'b.c/d:1' is not REGISTRY/REPOSITORY"},
             Row{"short-name-mode = 'disabled'\n[registries.search]\nregistries = ['a']",
                 "f: mixes the tables of version 1 ([registries.…]) with those of version 2"},
         }) {
        CAPTURE(row.text);
        CHECK(error_of(row.text) == row.error);
    }
}
