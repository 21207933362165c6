#include "oci/reference.h"

#include <doctest/doctest.h>

#include "base/error.h"

using nau::oci::parse_reference;
using nau::oci::Reference;

namespace {

const std::string kHex = std::string(64, 'f');
const std::string kDigest = "sha256:" + kHex;

std::string repeat(const std::string& text, int count) {
    std::string result;
    for (int i = 0; i < count; ++i) {
        result += text;
    }
    return result;
}

}  // namespace

TEST_CASE("references are completed and taken apart") {
    struct Row {
        std::string text;
        std::string registry;
        std::string repository;
        std::string tag;
        std::string digest;
        std::string familiar;
    };
    const std::string long_path = repeat("a/", 127) + "a";
    for (const auto& row : {
             Row{"alpine", "docker.io", "library/alpine", "latest", "", "alpine:latest"},
             Row{"alpine:3.20", "docker.io", "library/alpine", "3.20", "", "alpine:3.20"},
             Row{"library/alpine", "docker.io", "library/alpine", "latest", "", "alpine:latest"},
             Row{"docker.io/alpine", "docker.io", "library/alpine", "latest", "", "alpine:latest"},
             Row{"index.docker.io/alpine",
                 "docker.io",
                 "library/alpine",
                 "latest",
                 "",
                 "alpine:latest"},
             Row{"index.docker.io/foo/bar", "docker.io", "foo/bar", "latest", "", "foo/bar:latest"},
             Row{"foo/bar", "docker.io", "foo/bar", "latest", "", "foo/bar:latest"},
             Row{"library/foo/bar",
                 "docker.io",
                 "library/foo/bar",
                 "latest",
                 "",
                 "library/foo/bar:latest"},
             Row{"alpine@" + kDigest,
                 "docker.io",
                 "library/alpine",
                 "",
                 kDigest,
                 "alpine@" + kDigest},
             Row{"alpine:3.20@" + kDigest,
                 "docker.io",
                 "library/alpine",
                 "3.20",
                 kDigest,
                 "alpine:3.20@" + kDigest},
             Row{"quay.io/fedora/fedora:41",
                 "quay.io",
                 "fedora/fedora",
                 "41",
                 "",
                 "quay.io/fedora/fedora:41"},
             Row{"quay.io/app", "quay.io", "app", "latest", "", "quay.io/app:latest"},
             Row{"localhost/app", "localhost", "app", "latest", "", "localhost/app:latest"},
             Row{"localhost:5000/app:x", "localhost:5000", "app", "x", "", "localhost:5000/app:x"},
             Row{"test:5000/repo@" + kDigest,
                 "test:5000",
                 "repo",
                 "",
                 kDigest,
                 "test:5000/repo@" + kDigest},
             Row{"test.com", "docker.io", "library/test.com", "latest", "", "test.com:latest"},
             Row{"test.com:5000", "docker.io", "library/test.com", "5000", "", "test.com:5000"},
             Row{"test_com/foo", "docker.io", "test_com/foo", "latest", "", "test_com/foo:latest"},
             Row{"localhost", "docker.io", "library/localhost", "latest", "", "localhost:latest"},
             Row{"127.0.0.1:5000/a/b/c",
                 "127.0.0.1:5000",
                 "a/b/c",
                 "latest",
                 "",
                 "127.0.0.1:5000/a/b/c:latest"},
             Row{"[::1]:5000/repo:t", "[::1]:5000", "repo", "t", "", "[::1]:5000/repo:t"},
             Row{"[2001:db8::1]/repo",
                 "[2001:db8::1]",
                 "repo",
                 "latest",
                 "",
                 "[2001:db8::1]/repo:latest"},
             Row{"Docker/docker", "Docker", "docker", "latest", "", "Docker/docker:latest"},
             Row{"lowercase:UPPERCASE",
                 "docker.io",
                 "library/lowercase",
                 "UPPERCASE",
                 "",
                 "lowercase:UPPERCASE"},
             Row{"a:_._-", "docker.io", "library/a", "_._-", "", "a:_._-"},
             Row{"xn--n3h.com:18080/foo",
                 "xn--n3h.com:18080",
                 "foo",
                 "latest",
                 "",
                 "xn--n3h.com:18080/foo:latest"},
             Row{"docker---rules/dock__er.x_y",
                 "docker.io",
                 "docker---rules/dock__er.x_y",
                 "latest",
                 "",
                 "docker---rules/dock__er.x_y:latest"},
             // These would mean something else without the registry.
             Row{"docker.io/foo.bar/baz",
                 "docker.io",
                 "foo.bar/baz",
                 "latest",
                 "",
                 "docker.io/foo.bar/baz:latest"},
             Row{"docker.io/localhost/baz",
                 "docker.io",
                 "localhost/baz",
                 "latest",
                 "",
                 "docker.io/localhost/baz:latest"},
             Row{"docker.io/" + kHex,
                 "docker.io",
                 "library/" + kHex,
                 "latest",
                 "",
                 "library/" + kHex + ":latest"},
             Row{"docker.io/sha256:" + kHex,
                 "docker.io",
                 "library/sha256",
                 kHex,
                 "",
                 "docker.io/library/sha256:" + kHex},
             Row{"x.io/" + long_path + ":tag-beyond-the-limit",
                 "x.io",
                 long_path,
                 "tag-beyond-the-limit",
                 "",
                 "x.io/" + long_path + ":tag-beyond-the-limit"},
             Row{"a:" + std::string(128, 't'),
                 "docker.io",
                 "library/a",
                 std::string(128, 't'),
                 "",
                 "a:" + std::string(128, 't')},
         }) {
        CAPTURE(row.text);
        const Reference reference = parse_reference(row.text);
        CHECK(reference.registry() == row.registry);
        CHECK(reference.repository() == row.repository);
        CHECK(reference.tag().value_or("") == row.tag);
        CHECK((reference.digest() ? reference.digest()->to_string() : "") == row.digest);
        CHECK(reference.familiar() == row.familiar);
        CHECK(reference.name() == row.registry + "/" + row.repository);
        CHECK(parse_reference(reference.to_string()) == reference);
        CHECK(parse_reference(reference.familiar()) == reference);
    }
}

TEST_CASE("wrong references are refused, naming the part") {
    struct Row {
        std::string text;
        std::string reason;
        std::string hint;
    };
    for (const auto& row : {
             Row{"", "is empty", ""},
             Row{":tag", "has no repository", ""},
             Row{"@" + kDigest, "has no repository", ""},
             Row{"quay.io/", "has no repository", ""},
             Row{"docker/", "invalid repository 'docker/'", ""},
             Row{"docker.io/", "has no repository", ""},
             Row{"Alpine",
                 "repository 'library/Alpine' must be lower case",
                 "did you mean 'library/alpine'?"},
             Row{"quay.io/Foo/bar:1",
                 "repository 'Foo/bar' must be lower case",
                 "did you mean 'foo/bar'?"},
             Row{"alpine:", "invalid tag ''", ""},
             Row{"alpine:-x", "invalid tag '-x'", ""},
             Row{"alpine:.x", "invalid tag '.x'", ""},
             Row{"alpine:a b", "invalid tag 'a b'", ""},
             Row{"alpine:a:b", "invalid tag 'a:b'", ""},
             Row{"alpine:" + std::string(129, 't'), "invalid tag", ""},
             Row{"alpine@", "invalid digest ''", ""},
             Row{"alpine@latest", "invalid digest 'latest': has no algorithm", ""},
             Row{"alpine@sha256:abc", "sha256 takes 64 lower-case hexadecimal digits", ""},
             Row{"alpine@md5:" + std::string(32, 'a'), "algorithm 'md5'", ""},
             Row{"alpine@" + kDigest + "@" + kDigest, "sha256 takes 64", ""},
             Row{"a/../b", "invalid repository 'a/../b'", ""},
             Row{"a//b", "invalid repository 'a//b'", ""},
             Row{"/a", "invalid repository '/a'", ""},
             Row{"quay.io//a", "invalid repository '/a'", ""},
             Row{"-docker/docker", "invalid repository '-docker/docker'", ""},
             Row{"docker-/docker", "invalid repository", ""},
             Row{"dock..er/docker", "invalid registry", ""},
             Row{"dock_.er/docker", "invalid registry", ""},
             Row{"x.io/dock..er/docker", "invalid repository", ""},
             Row{"x.io/dock_.er/docker", "invalid repository", ""},
             Row{"dock___er/docker", "invalid repository", ""},
             Row{"_docker", "invalid repository", ""},
             Row{"aa/asdf$$^/aa", "invalid repository", ""},
             Row{"alp\nine", "invalid repository", ""},
             Row{"alp%2fine", "invalid repository", ""},
             Row{"-docker.io/docker", "invalid registry '-docker.io'", ""},
             Row{"a..b/docker", "invalid registry 'a..b'", ""},
             Row{"host:/app", "invalid registry 'host:'", ""},
             Row{"host:0/app", "invalid registry 'host:0'", ""},
             Row{"host:99999/app", "invalid registry 'host:99999'", ""},
             Row{"host:5x/app", "invalid registry 'host:5x'", ""},
             Row{"user@host/app", "invalid digest 'host/app'", ""},
             Row{"fc00::1:5000/debian", "invalid registry", ""},
             Row{"[fe80::1%eth0]:5000/debian", "invalid registry", ""},
             Row{"[::1]", "invalid repository", ""},
             Row{"[]:5000/a", "invalid registry", ""},
             Row{"https://quay.io/app",
                 "has a transport 'https://'",
                 "did you mean 'quay.io/app'?"},
             Row{"docker://alpine", "has a transport 'docker://'", "did you mean 'alpine'?"},
             Row{kHex, "is an id", ""},
             Row{kDigest, "is an id", ""},
             Row{"x.io/" + repeat("a/", 128) + "a", "longer than 255", ""},
             Row{std::string("a\0b", 3), "invalid repository", ""},
         }) {
        CAPTURE(row.text);
        try {
            (void)parse_reference(row.text);
            FAIL("accepted");
        } catch (const nau::Error& error) {
            CAPTURE(error.text());
            CHECK(error.kind() == nau::ErrorKind::invalid);
            CHECK(error.text().find("invalid reference '" + row.text + "': ") == 0);
            CHECK(error.text().find(row.reason) != std::string::npos);
            CHECK(error.hint() == row.hint);
        }
    }
}

TEST_CASE("tag and digest are exchanged") {
    const Reference reference = parse_reference("quay.io/app:1");
    const auto digest = nau::oci::Digest::parse(kDigest);
    CHECK(reference.with_digest(digest).to_string() == "quay.io/app@" + kDigest);
    CHECK(reference.with_digest(digest).with_tag("2").to_string() == "quay.io/app:2");
    CHECK_THROWS_AS(reference.with_tag("a/b"), nau::Error);
    CHECK(fmt::format("{}", reference) == "quay.io/app:1");
    CHECK(parse_reference("a:1") < parse_reference("b:1"));
}
