#include "engine/image/archive_source.h"

#include <doctest/doctest.h>

#include "base/error.h"

using nau::engine::ArchiveFormat;
using nau::engine::ArchiveSource;
using nau::engine::parse_archive_source;

TEST_CASE("images on disk are told from those of registries") {
    CHECK(parse_archive_source("oci:dir") ==
          ArchiveSource{.format = ArchiveFormat::oci_dir, .path = "dir", .name = ""});
    CHECK(parse_archive_source("oci:/a/b:1.2") ==
          ArchiveSource{.format = ArchiveFormat::oci_dir, .path = "/a/b", .name = "1.2"});
    CHECK(parse_archive_source("docker-archive:a.tar:example.com:5000/x:1") ==
          ArchiveSource{.format = ArchiveFormat::docker_archive,
                        .path = "a.tar",
                        .name = "example.com:5000/x:1"});
    CHECK(parse_archive_source("oci-archive:./a") ==
          ArchiveSource{.format = ArchiveFormat::oci_archive, .path = "./a", .name = ""});
    CHECK(parse_archive_source("dir:/a:b") ==
          ArchiveSource{.format = ArchiveFormat::docker_dir, .path = "/a:b", .name = ""});
    for (const auto* text : {"alpine",
                             "alpine:3.20",
                             "oci",
                             "dir/x:1",
                             "localhost:5000/dir:1",
                             "dir:5000/x",
                             "oci:5000/x/y:1",
                             ""}) {
        CAPTURE(text);
        CHECK_FALSE(parse_archive_source(text).has_value());
    }
    CHECK_THROWS_AS(parse_archive_source("oci:"), nau::Error);
    CHECK_THROWS_AS(parse_archive_source("docker-archive::x"), nau::Error);
}
