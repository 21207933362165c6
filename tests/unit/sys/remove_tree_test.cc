#include <fcntl.h>
#include <functional>
#include <sys/resource.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using nau::test::TempDir;

namespace {

/// A chain of `depth` directories, far longer than any path may be, with a file in every tenth.
void make_deep_tree(const std::string& path, int depth) {
    const std::string name(100, 'd');
    sys::mkdir(path, 0755);
    sys::UniqueFd current = sys::open(path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; ++i) {
        if (i % 10 == 0) {
            (void)sys::openat(current.get(), "file", O_WRONLY | O_CREAT, 0600);
        }
        (void)sys::mkdirat(current.get(), name, 0755);
        current = sys::openat(current.get(), name, O_RDONLY | O_DIRECTORY);
    }
}

}  // namespace

TEST_CASE("remove_tree removes all kinds of files and does not follow links") {
    const TempDir dir;
    sys::make_directories(dir / "outside", 0755);
    dir.write("outside/precious", "x");
    sys::make_directories(dir / "t/a/b/c", 0755);
    dir.write("t/a/file", "x");
    sys::symlink(dir / "outside", dir / "t/a/link-to-directory");
    sys::symlink("../../../outside/precious", dir / "t/a/b/link-to-file");
    REQUIRE(::mkfifo((dir / "t/a/fifo").c_str(), 0600) == 0);
    sys::remove_tree(dir / "t");
    CHECK_FALSE(sys::lstat_if_exists(dir / "t").has_value());
    CHECK(dir.read("outside/precious") == "x");
}

TEST_CASE("remove_tree of a link removes the link") {
    const TempDir dir;
    sys::make_directories(dir / "outside/d", 0755);
    sys::symlink("outside", dir / "link");
    sys::remove_tree(dir / "link");
    CHECK_FALSE(sys::lstat_if_exists(dir / "link").has_value());
    CHECK(sys::is_directory(dir / "outside/d"));
}

TEST_CASE("remove_tree takes a file, an empty directory and what does not exist") {
    const TempDir dir;
    dir.write("f", "");
    sys::mkdir(dir / "d", 0755);
    sys::remove_tree(dir / "f");
    sys::remove_tree(dir / "d/");
    sys::remove_tree(dir / "none");
    sys::remove_tree(dir / "none/below");
    CHECK(sys::list_directory(dir.path()).empty());
}

TEST_CASE("remove_tree refuses names that are no name") {
    const TempDir dir;
    const auto fd = sys::open(dir.path(), O_RDONLY | O_DIRECTORY);
    for (const char* name : {"", ".", "..", "a/b", "/"}) {
        CHECK_THROWS_AS(sys::remove_tree(fd.get(), name), SysError);
    }
    for (const char* path : {"", "/", "//", ".", "..", "a/.."}) {
        CHECK_THROWS_AS(sys::remove_tree(path), SysError);
    }
}

TEST_CASE("remove_tree removes a tree deeper than a path can be, with few descriptors") {
    const TempDir dir;
    make_deep_tree(dir / "t", 150);
    rlimit saved{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &saved) == 0);
    const rlimit few = {.rlim_cur = 64, .rlim_max = saved.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    sys::remove_tree(dir / "t");
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &saved) == 0);
    CHECK_FALSE(sys::lstat_if_exists(dir / "t").has_value());
}

TEST_CASE("remove_tree removes wide directories of files and directories") {
    const TempDir dir;
    for (int i = 0; i < 60; ++i) {
        sys::make_directories(dir / fmt::format("t/directory-{}/e", i), 0755);
        dir.write(fmt::format("t/file-{}", i), "");
        dir.write(fmt::format("t/directory-{}/f", i), "");
    }
    sys::remove_tree(dir / "t");
    CHECK_FALSE(sys::lstat_if_exists(dir / "t").has_value());
}

TEST_CASE("remove_tree opens up directories that have lost their permissions") {
    const TempDir dir;
    sys::make_directories(dir / "t/closed/d", 0755);
    dir.write("t/closed/d/f", "");
    sys::chmod(dir / "t/closed/d", 0);
    sys::chmod(dir / "t/closed", 0);
    sys::make_directories(dir / "t/readonly/d", 0755);
    dir.write("t/readonly/f", "");
    sys::chmod(dir / "t/readonly", 0500);
    // Root may do all of it anyway: then this runs as somebody else, if it can.
    const bool is_root = ::geteuid() == 0;
    if (is_root) {
        for (const char* name : {"", "t", "t/closed", "t/readonly", "t/readonly/d"}) {
            REQUIRE(::lchown((dir / name).c_str(), 65534, 65534) == 0);
        }
        REQUIRE(::lchown((dir / "t/closed/d").c_str(), 65534, 65534) == 0);
        REQUIRE(::seteuid(65534) == 0);
    }
    sys::remove_tree(dir / "t");
    if (is_root) {
        REQUIRE(::seteuid(0) == 0);
    }
    CHECK_FALSE(sys::lstat_if_exists(dir / "t").has_value());
}

TEST_CASE("remove_tree reports the first failure after removing the rest") {
    if (::geteuid() != 0) {
        return;  // needs a directory that the remover may not enter
    }
    const TempDir dir;
    sys::make_directories(dir / "t/theirs/d", 0755);
    sys::make_directories(dir / "t/ours/d", 0755);
    dir.write("t/ours/f", "");
    for (const char* name : {"", "t", "t/ours", "t/ours/d"}) {
        REQUIRE(::lchown((dir / name).c_str(), 65534, 65534) == 0);
    }
    REQUIRE(::seteuid(65534) == 0);
    std::string text;
    try {
        sys::remove_tree(dir / "t");
    } catch (const SysError& error) {
        text = error.text();
        CHECK(error.error() == EACCES);
    }
    REQUIRE(::seteuid(0) == 0);
    CHECK(text == fmt::format("below {}/: remove t/theirs/d: Permission denied", dir.path()));
    CHECK(sys::is_directory(dir / "t/theirs/d"));
    CHECK_FALSE(sys::file_exists(dir / "t/ours"));
}
