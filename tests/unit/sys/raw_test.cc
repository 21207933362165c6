#include "sys/raw.h"

#include <array>
#include <cstring>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "sys/file.h"
#include "sys/unique_fd.h"
#include "tests/support/temp_dir.h"

using namespace nau;
namespace raw = nau::sys::raw;

TEST_CASE("raw calls return -errno and leave errno alone") {
    errno = EXDEV;
    CHECK(raw::open("/no/such/file", O_RDONLY) == -ENOENT);
    CHECK(raw::close(-1) == -EBADF);
    CHECK(raw::openat2(AT_FDCWD, "/", {.flags = O_RDONLY, .mode = 1, .resolve = 0}) == -EINVAL);
    CHECK(errno == EXDEV);
}

TEST_CASE("raw calls pass up to six arguments") {
    const test::TempDir dir;
    const sys::UniqueFd root(raw::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(root);
    CHECK(raw::mkdirat(root.get(), "d", 0700) == 0);
    CHECK(raw::symlinkat("target", root.get(), "l") == 0);
    std::array<char, 32> text{};
    CHECK(raw::readlinkat(root.get(), "l", text.data(), text.size()) == 6);
    CHECK(std::strcmp(text.data(), "target") == 0);
    CHECK(raw::renameat2(root.get(), "d", root.get(), "l", RENAME_EXCHANGE) == 0);
    struct ::statx status {};
    CHECK(raw::statx(root.get(), "l", AT_SYMLINK_NOFOLLOW, STATX_MODE, &status) == 0);
    CHECK(S_ISDIR(status.stx_mode));
    const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
    CHECK(raw::utimensat(root.get(), "l", times, AT_SYMLINK_NOFOLLOW) == 0);
    struct ::stat old {};
    CHECK(raw::fstatat(root.get(), "l", &old, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(old.st_mtim.tv_sec == 3);
    CHECK(raw::unlinkat(root.get(), "l", AT_REMOVEDIR) == 0);
    const int fd = raw::openat(root.get(), "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    CHECK(raw::write(fd, "abc", 3) == 3);
    CHECK(raw::pread(fd, text.data(), text.size(), 1) == 2);
    CHECK(raw::dup3(fd, fd, 0) == -EINVAL);
    CHECK(raw::close(fd) == 0);
}

TEST_CASE("mknodat takes the C library's device numbers") {
    if (::geteuid() != 0) {
        return;
    }
    const test::TempDir dir;
    const sys::UniqueFd root(raw::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct Case {
        unsigned major;
        unsigned minor;
    };
    for (const auto [major, minor] : {Case{1, 3}, Case{240, 70000}, Case{4095, 0xfffff}}) {
        const int result =
            raw::mknodat(root.get(), "n", S_IFCHR | 0600, gnu_dev_makedev(major, minor));
        if (result == -EPERM) {
            return;  // in a user namespace
        }
        CHECK(result == 0);
        const auto status = sys::lstat(dir / "n");
        CHECK(gnu_dev_major(status.st_rdev) == major);
        CHECK(gnu_dev_minor(status.st_rdev) == minor);
        CHECK(raw::unlinkat(root.get(), "n") == 0);
    }
}

TEST_CASE("clone3 works as fork does") {
    int pidfd = -1;
    const raw::CloneArgs args = {.flags = CLONE_PIDFD,
                                 .pidfd = reinterpret_cast<uint64_t>(&pidfd),
                                 .child_tid = 0,
                                 .parent_tid = 0,
                                 .exit_signal = SIGCHLD,
                                 .stack = 0,
                                 .stack_size = 0,
                                 .tls = 0,
                                 .set_tid = 0,
                                 .set_tid_size = 0,
                                 .cgroup = 0};
    const long pid = raw::clone3(args);
    if (pid == 0) {
        raw::exit(raw::getppid() > 0 ? 23 : 24);
    }
    REQUIRE(pid > 0);
    const sys::UniqueFd owned(pidfd);
    siginfo_t info{};
    CHECK(raw::waitid(P_PIDFD, pidfd, &info, WEXITED) == 0);
    CHECK(info.si_status == 23);
}
