#include "storage/paths.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace nau::storage {
namespace {

const std::string kHex(64, 'a');

TEST_CASE("paths are made in one place") {
    const Paths paths("/graph/", "/run//nau");
    const auto digest = oci::Digest::parse("sha256:" + kHex);
    const auto id = ContainerId::parse(kHex);
    CHECK(paths.graph_root() == "/graph");
    CHECK(paths.run_root() == "/run/nau");
    CHECK(paths.blob(digest) == "/graph/content/blobs/sha256/" + kHex);
    CHECK(paths.ingest(digest) == "/graph/content/ingest/sha256-" + kHex);
    CHECK(paths.snapshot_fs(42) == "/graph/snapshots/42/fs");
    CHECK(paths.volume_data("default", "data") == "/graph/volumes/default/data/_data");
    CHECK(paths.attach_socket(id) == "/run/nau/containers/" + kHex + "/attach.sock");
    CHECK(paths.container_log(id) == "/graph/containers/" + kHex + "/container.log");
}

TEST_CASE("paths are parsed back, and strange names are not ours") {
    const auto digest = oci::Digest::parse("sha256:" + kHex);
    CHECK(Paths::parse_ingest_name("sha256-" + kHex) == digest);
    CHECK(Paths::parse_blob_name(oci::DigestAlgorithm::sha256, kHex) == digest);
    CHECK(Paths::parse_snapshot_name("42") == 42);
    for (const char* name : {"", "042", "-1", "0", "4x", "fs", "99999999999999999999"}) {
        CAPTURE(name);
        CHECK_FALSE(Paths::parse_snapshot_name(name));
    }
    for (const char* name : {"", "sha256", "sha256-", "sha256-xyz", "md5-0123"}) {
        CAPTURE(name);
        CHECK_FALSE(Paths::parse_ingest_name(name));
    }
}

TEST_CASE("names of users never leave their directory") {
    const Paths paths("/graph", "/run/nau");
    for (const char* name : {"", ".", "..", "../x", "a/b", "-a", "a\nb", "a b", "\xc3\xa4"}) {
        CAPTURE(name);
        CHECK_THROWS_AS((void)paths.volume("default", name), Error);
        CHECK_THROWS_AS((void)paths.volume(name, "data"), Error);
    }
    CHECK_THROWS_AS(Paths("graph", "/run"), Error);
    CHECK_THROWS_AS(Paths("/graph", ""), Error);
}

TEST_CASE("a container id is 64 lower-case hexadecimal digits") {
    CHECK(ContainerId::generate() != ContainerId::generate());
    CHECK(ContainerId::parse(kHex).short_id() == "aaaaaaaaaaaa");
    for (const auto& text : {std::string(),
                             std::string(63, 'a'),
                             std::string(65, 'a'),
                             std::string(64, 'A'),
                             std::string(64, 'g')}) {
        CAPTURE(text);
        CHECK_FALSE(ContainerId::try_parse(text));
        CHECK_THROWS_AS((void)ContainerId::parse(text), Error);
    }
}

}  // namespace
}  // namespace nau::storage
