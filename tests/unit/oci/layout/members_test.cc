#include "oci/layout/members.h"

#include <fcntl.h>
#include <string>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"

namespace {

using nau::test::TarBuilder;

nau::sys::UniqueFd file_of(const std::string& bytes) {
    auto fd = nau::sys::memfd_create("archive", 0);
    nau::sys::write_all(fd.get(), bytes);
    return fd;
}

std::unique_ptr<nau::oci::Members> members_of(const std::string& bytes) {
    return nau::oci::open_tar_members(file_of(bytes));
}

std::string failure(const std::string& bytes) {
    try {
        (void)members_of(bytes);
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("files of a tar are found where they lie") {
    const std::string big(1'000'000, 'b');
    const auto members = members_of(TarBuilder()
                                        .directory("blobs")
                                        .file("blobs/one", "first")
                                        .file("./big", big)
                                        .file(std::string(300, 'n'), "long")
                                        .file("empty", "")
                                        .finish());
    CHECK(members->get("blobs/one").read_all(100, "") == "first");
    CHECK(members->get("big").read_all(1 << 20, "") == big);
    CHECK(members->get(std::string(300, 'n')).read_all(100, "") == "long");
    CHECK(members->get("empty").read_all(0, "").empty());
    CHECK_FALSE(members->find("blobs").has_value());
    CHECK_FALSE(members->find("two").has_value());
    CHECK_THROWS_WITH_AS(members->get("two"), "the archive has no 'two'", nau::Error);
    CHECK_THROWS_AS(members->get("big").read_all(999'999, "big"), nau::Error);
    std::string piece(10, ' ');
    CHECK(members->get("blobs/one").read(3, std::as_writable_bytes(std::span(piece))) == 2);
    CHECK(piece.substr(0, 2) == "st");
    CHECK(members->get("blobs/one").read(5, std::as_writable_bytes(std::span(piece))) == 0);
}

TEST_CASE("links lead to other members or nowhere") {
    const auto members = members_of(TarBuilder()
                                        .file("one/layer.tar", "layer")
                                        .symlink("two/layer.tar", "../one/layer.tar")
                                        .symlink("three", "two/layer.tar")
                                        .symlink("out", "../x")
                                        .symlink("a", "b")
                                        .symlink("b", "a")
                                        .finish());
    CHECK(members->find_through_link("three")->read_all(10, "") == "layer");
    CHECK_THROWS_AS(members->find("three"), nau::Error);
    CHECK_THROWS_AS(members->find_through_link("out"), nau::Error);
    CHECK_THROWS_AS(members->find_through_link("a"), nau::Error);
    CHECK_FALSE(members->find_through_link("nothing").has_value());
}

TEST_CASE("what no archive of images holds is refused") {
    CHECK(failure(TarBuilder().file("a", "1").file("./a", "2").finish()) == "'./a' is in it twice");
    CHECK(failure(TarBuilder().file("a", "1").symlink("a", "b").finish()) == "'a' is in it twice");
    CHECK(failure(TarBuilder().symlink("a", "b").file("a", "").finish()) == "'a' is in it twice");
    CHECK(failure(TarBuilder().file("a", "1").hard_link("b", "a").finish()) ==
          "'b' is neither a file nor a directory");
    CHECK(failure(TarBuilder().add({.path = "c", .type = '3'}).finish()) ==
          "'c' is neither a file nor a directory");
    CHECK(failure(TarBuilder().file("../a", "").finish()) ==
          "the archive names '../a', which leads out of its directory");
    CHECK(failure(TarBuilder().file("/a", "").finish()) ==
          "the archive names '/a', which is an absolute path");
}

TEST_CASE("an archive that ends within a file is refused though nobody reads the file") {
    const std::string whole = TarBuilder().file("a", std::string(100'000, 'x')).finish();
    for (const size_t size : {size_t{600}, size_t{5000}, size_t{100'000}, size_t{100'511}}) {
        CAPTURE(size);
        CHECK(failure(whole.substr(0, size)) == "tar archive is truncated");
    }
    CHECK(failure(TarBuilder()
                      .add({.path = "huge", .content = "x", .claimed_size = int64_t{1} << 33})
                      .finish()) == "tar archive is truncated");
}

TEST_CASE("files of a directory are found, links in it are not followed") {
    const nau::test::TempDir directory;
    const auto root = nau::sys::DirFd::open_root(directory.path());
    (void)root.mkdir_all_in_root("blobs/sha256", 0755);
    nau::sys::write_all(root.create_file("blobs/sha256/one", 0644).get(), "first");
    root.symlink("one", "blobs/sha256/link");
    root.symlink("sha256", "blobs/other");
    root.mknod("fifo", S_IFIFO | 0600, 0);
    const auto members = nau::oci::open_directory_members(root.duplicate());
    CHECK(members->get("blobs/sha256/one").read_all(10, "") == "first");
    CHECK_FALSE(members->find("blobs/sha256/two").has_value());
    CHECK_THROWS_AS(members->find("blobs/sha256/link"), nau::Error);
    CHECK_THROWS_AS(members->find("blobs/other/one"), nau::Error);
    CHECK_THROWS_AS(members->find("fifo"), nau::Error);
    CHECK_THROWS_AS(members->find("../x"), nau::Error);
    CHECK_THROWS_AS(members->find("blobs"), nau::Error);
}
