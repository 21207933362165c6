#include "sys/dir_fd.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/raw.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using nau::test::TempDir;
using sys::DirFd;

namespace {

int errno_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const SysError& error) {
        return error.error();
    }
    return 0;
}

/// A host with a root in it:  host/{secret, root/{etc/passwd, links…}}
struct Fixture {
    Fixture() {
        sys::make_directories(host / "root/etc", 0755);
        host.write("secret", "host");
        host.write("root/etc/passwd", "inside");
        sys::symlink("/etc", host / "root/absolute");
        sys::symlink("../../../../etc", host / "root/up");
        sys::symlink("../secret", host / "root/escape");
        sys::symlink(host / "secret", host / "root/escape-absolute");
        sys::symlink("loop", host / "root/loop");
    }

    TempDir host;
    DirFd root = (Fixture::prepare(host), DirFd::open_root(host / "root"));

  private:
    static void prepare(const TempDir& dir) { sys::make_directories(dir / "root", 0755); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "links and '..' stay inside the root") {
    for (const char* path : {"etc/passwd",
                             "/etc/passwd",
                             "absolute/passwd",
                             "up/passwd",
                             "../../etc/passwd",
                             "etc/../../etc/./passwd"}) {
        CAPTURE(path);
        CHECK(root.read_file_in_root(path, 100) == "inside");
    }
    for (const char* path : {"escape", "escape-absolute", "../secret"}) {
        CAPTURE(path);
        CHECK_FALSE(root.find_in_root(path, O_RDONLY).has_value());
        CHECK_FALSE(root.read_file_in_root_if_exists(path, 100).has_value());
    }
    CHECK(errno_of([&] { (void)root.open_in_root("loop", O_RDONLY); }) == ELOOP);
}

TEST_CASE_FIXTURE(Fixture, "beneath refuses what would leave, even when it would come back") {
    CHECK_NOTHROW((void)root.open_beneath("etc/passwd", O_RDONLY));
    for (const char* path : {"/etc/passwd", "absolute/passwd", "up/passwd", "../root/etc/passwd"}) {
        CAPTURE(path);
        CHECK(errno_of([&] { (void)root.open_beneath(path, O_RDONLY); }) == EXDEV);
    }
}

TEST_CASE("magic links of /proc are refused") {
    const DirFd proc = DirFd::open_root("/proc");
    CHECK(errno_of([&] { (void)proc.open_in_root("self/exe", O_RDONLY); }) == ELOOP);
    CHECK(errno_of([&] { (void)proc.open_in_root("self/root/etc", O_PATH); }) == ELOOP);
    CHECK(errno_of([&] { (void)proc.open_in_root("self/cwd", O_PATH); }) == ELOOP);
}

TEST_CASE_FIXTURE(Fixture, "a path with a NUL byte is refused, not cut") {
    using namespace std::string_literals;
    const std::string path = "etc/passwd\0.txt"s;
    CHECK(errno_of([&] { (void)root.open_in_root(path, O_RDONLY); }) == EINVAL);
    CHECK(errno_of([&] { (void)root.find_in_root(path, O_RDONLY); }) == EINVAL);
    CHECK(errno_of([&] { (void)root.create_file(path, 0600); }) == EINVAL);
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root(path, 0700); }) == EINVAL);
}

TEST_CASE_FIXTURE(Fixture, "reading takes regular files only, never waits, never grows") {
    REQUIRE(::mkfifo((host / "root/fifo").c_str(), 0600) == 0);
    sys::symlink("fifo", host / "root/link-to-fifo");
    for (const char* path : {"fifo", "link-to-fifo", "etc"}) {
        CAPTURE(path);
        try {
            (void)root.read_file_in_root(path, 100);
            FAIL("read something");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::invalid);
            CHECK(error.text() == fmt::format("open {}: not a regular file", path));
        }
    }
    REQUIRE(::truncate((host / "root/etc/passwd").c_str(), off_t{8} << 30) == 0);
    try {
        (void)root.read_file_in_root("etc/passwd", 1 << 20);
        FAIL("read 8 GiB");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::invalid);
    }
}

TEST_CASE_FIXTURE(Fixture, "mkdir_all_in_root makes what is missing, inside") {
    (void)root.mkdir_all_in_root("/a/b/./c/", 0751);
    CHECK(sys::is_directory(host / "root/a/b/c"));
    CHECK((sys::stat(host / "root/a").st_mode & 07777) == 0751);
    (void)root.mkdir_all_in_root("absolute/below", 0755);
    CHECK(sys::is_directory(host / "root/etc/below"));
    (void)root.mkdir_all_in_root("up/other", 0755);
    CHECK(sys::is_directory(host / "root/etc/other"));
    CHECK(sys::fstat(root.mkdir_all_in_root("", 0755).fd()).st_ino ==
          sys::stat(host / "root").st_ino);
    CHECK(sys::fstat(root.mkdir_all_in_root("/", 0755).fd()).st_ino ==
          sys::stat(host / "root").st_ino);
}

TEST_CASE_FIXTURE(Fixture, "mkdir_all_in_root makes the target of a dangling link") {
    sys::mkdir(host / "root/var", 0755);
    sys::symlink("/run", host / "root/var/run");
    sys::symlink("../lib/x", host / "root/var/relative");
    sys::symlink("/run/link2", host / "root/link1");
    const DirFd made = root.mkdir_all_in_root("var/run/secrets", 0755);
    CHECK(sys::is_directory(host / "root/run/secrets"));
    CHECK(sys::fstat(made.fd()).st_ino == sys::stat(host / "root/run/secrets").st_ino);
    (void)root.mkdir_all_in_root("var/relative/y", 0755);
    CHECK(sys::is_directory(host / "root/lib/x/y"));
    sys::symlink("deep/er", host / "root/run/link2");
    (void)root.mkdir_all_in_root("link1/est", 0755);
    CHECK(sys::is_directory(host / "root/run/deep/er/est"));
}

TEST_CASE_FIXTURE(Fixture, "mkdir_all_in_root refuses files, loops and '..' below nothing") {
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root("etc/passwd", 0755); }) == ENOTDIR);
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root("etc/passwd/x", 0755); }) == ENOTDIR);
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root("loop/x", 0755); }) == ELOOP);
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root("new/../x", 0755); }) == ENOENT);
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root("escape", 0755); }) == 0);
    CHECK(sys::is_directory(host / "root/secret"));  // "../secret" of the root is in the root
    CHECK(host.read("secret") == "host");
    CHECK(errno_of([&] { (void)root.mkdir_all_in_root(std::string(300, 'x'), 0755); }) ==
          ENAMETOOLONG);
}

TEST_CASE_FIXTURE(Fixture, "making and removing names never follows the last component") {
    sys::symlink("../secret", host / "root/etc/evil");
    CHECK(errno_of([&] { (void)root.create_file("etc/evil", 0600); }) == EEXIST);
    root.write_file_in_root("etc/evil", "new", 0640);
    CHECK(host.read("secret") == "host");
    CHECK(host.read("root/etc/evil") == "new");
    CHECK((sys::lstat(host / "root/etc/evil").st_mode & 07777) == 0640);

    sys::symlink("../../secret", host / "root/etc/evil2");
    root.unlink("etc/evil2");
    CHECK(host.read("secret") == "host");

    root.symlink("anything/../../at all", "absolute/link");
    CHECK(root.readlink_in_root("etc/link") == "anything/../../at all");
    root.link("etc/link", "etc/link-twice");
    CHECK(root.readlink_in_root("etc/link-twice") == "anything/../../at all");
    root.rename("etc/link", "renamed");
    CHECK(sys::readlink(host / "root/renamed") == "anything/../../at all");

    CHECK(root.mkdir_in_root("etc/d", 0755));
    CHECK_FALSE(root.mkdir_in_root("etc/d", 0755));
    root.rmdir("etc/d");
    CHECK_FALSE(root.stat_nofollow("etc/d").has_value());
}

TEST_CASE_FIXTURE(Fixture, "operations on the root itself or on dots are refused") {
    for (const char* path : {"", "/", "//"}) {
        CHECK(errno_of([&] { root.unlink(path); }) == EBUSY);
        CHECK(errno_of([&] { root.remove_tree_in_root(path); }) == EBUSY);
    }
    for (const char* path : {".", "..", "etc/..", "etc/.", "etc/../"}) {
        CHECK(errno_of([&] { root.remove_tree_in_root(path); }) == EINVAL);
        CHECK(errno_of([&] { root.symlink("x", path); }) == EINVAL);
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "remove_tree_in_root resolves the parent inside and removes a link only") {
    sys::make_directories(host / "root/etc/tree/deep", 0755);
    root.remove_tree_in_root("up/tree");
    CHECK_FALSE(sys::file_exists(host / "root/etc/tree"));
    root.remove_tree_in_root("absolute");
    CHECK_FALSE(sys::lstat_if_exists(host / "root/absolute").has_value());
    CHECK(sys::file_exists(host / "root/etc/passwd"));
    root.remove_tree_in_root("no/such/thing");
}

TEST_CASE_FIXTURE(Fixture, "metadata concerns the last component itself") {
    sys::symlink("passwd", host / "root/etc/link");
    const timespec when = {.tv_sec = 1234567890, .tv_nsec = 987654321};
    root.set_times_nofollow("etc/link", when, when);
    CHECK(root.stat_nofollow("etc/link")->st_mtim.tv_sec == when.tv_sec);
    CHECK(root.stat_nofollow("etc/link")->st_mtim.tv_nsec == when.tv_nsec);
    CHECK(root.stat_in_root("etc/link")->st_mtim.tv_sec != when.tv_sec);
    CHECK(S_ISLNK(root.stat_nofollow("etc/link")->st_mode));
    CHECK(S_ISREG(root.stat_in_root("etc/link")->st_mode));

    root.chmod_nofollow("etc/passwd", 04711);
    CHECK((sys::stat(host / "root/etc/passwd").st_mode & 07777) == 04711);
    CHECK(errno_of([&] { root.chmod_nofollow("etc/link", 0777); }) == EOPNOTSUPP);
    CHECK((sys::stat(host / "root/etc/passwd").st_mode & 07777) == 04711);

    root.chown_nofollow("etc/link", ::geteuid(), ::getegid());
    CHECK(root.list_directory_in_root("absolute").size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "extended attributes by name and by descriptor") {
    const auto etc = root.open_directory_in_root("etc");
    try {
        root.set_xattr_nofollow("absolute/passwd", "user.nau.test", std::string_view("a\0b", 3));
    } catch (const SysError& error) {
        if (error.error() == EOPNOTSUPP) {
            return;  // this file system has none
        }
        throw;
    }
    CHECK(sys::getxattrat(etc.fd(), "passwd", "user.nau.test") == std::string("a\0b", 3));
    CHECK_FALSE(sys::getxattrat(etc.fd(), "passwd", "user.nau.none").has_value());
    const auto fd = root.open_in_root("etc/passwd", O_RDWR);
    sys::fsetxattr(fd.get(), "user.nau.long", std::string(1000, 'y'));
    CHECK(sys::fgetxattr(fd.get(), "user.nau.long") == std::string(1000, 'y'));
    const auto names = sys::listxattrat(etc.fd(), "passwd");
    CHECK(std::find(names.begin(), names.end(), "user.nau.test") != names.end());
    CHECK(std::find(names.begin(), names.end(), "user.nau.long") != names.end());
}

TEST_CASE_FIXTURE(Fixture, "wrappers with a directory descriptor") {
    const auto etc = root.open_in_root("etc", O_RDONLY | O_DIRECTORY);
    CHECK(sys::mkdirat(etc.get(), "d", 0700));
    CHECK_FALSE(sys::mkdirat(etc.get(), "d", 0700));
    CHECK(errno_of([&] { (void)sys::mkdirat(etc.get(), "passwd", 0700); }) == EEXIST);
    sys::symlinkat("passwd", etc.get(), "l");
    CHECK(errno_of([&] { (void)sys::openat(etc.get(), "l", O_RDONLY); }) == ELOOP);
    CHECK(sys::readlinkat(etc.get(), "l") == "passwd");
    sys::fchmodat(etc.get(), "d", 02750);
    CHECK((sys::fstatat(etc.get(), "d").st_mode & 07777) == 02750);
    CHECK(errno_of([&] { sys::fchmodat(etc.get(), "l", 0700); }) == EOPNOTSUPP);
    sys::linkat(etc.get(), "passwd", etc.get(), "hard");
    CHECK(sys::fstatat(etc.get(), "hard").st_nlink == 2);
    sys::renameat2(etc.get(), "hard", etc.get(), "l", RENAME_EXCHANGE);
    CHECK(S_ISLNK(sys::fstatat(etc.get(), "hard").st_mode));
    CHECK(sys::unlinkat_if_exists(etc.get(), "hard"));
    CHECK_FALSE(sys::unlinkat_if_exists(etc.get(), "hard"));
    CHECK_FALSE(sys::fstatat_if_exists(etc.get(), "hard").has_value());

    const int unnamed = sys::try_openat2(etc.get(), ".", O_TMPFILE | O_RDWR, 0640, 0);
    if (unnamed >= 0) {  // not every file system can
        const sys::UniqueFd fd(unnamed);
        sys::write_all(fd.get(), "named later");
        sys::link_fd(fd.get(), etc.get(), "named");
        CHECK(root.read_file_in_root("etc/named", 100) == "named later");
    }
}

TEST_CASE_FIXTURE(Fixture, "a racing exchange of directory and link never leads outside") {
    sys::make_directories(host / "root/target/x", 0755);
    sys::symlink("../..", host / "root/flip");
    std::jthread racer([&](const std::stop_token& stop) {
        const auto fd = sys::open(host / "root", O_PATH | O_DIRECTORY);
        while (!stop.stop_requested()) {
            (void)sys::raw::renameat2(fd.get(), "target", fd.get(), "flip", RENAME_EXCHANGE);
        }
    });
    for (int i = 0; i < 500; ++i) {
        try {
            (void)root.mkdir_all_in_root(fmt::format("target/x/made-{}", i % 10), 0755);
            (void)root.find_in_root("target/../target/secret", O_PATH);
            root.remove_tree_in_root(fmt::format("target/x/made-{}", i % 10));
        } catch (const SysError&) {
            // Losing the race may fail; it must not reach the host.
        }
    }
    racer.request_stop();
    racer.join();
    CHECK(sys::list_directory(host.path()).size() == 2);  // root and secret
    CHECK(host.read("secret") == "host");
}
