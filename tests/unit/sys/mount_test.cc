#include "sys/mount.h"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/raw.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using nau::test::TempDir;

TEST_CASE("mountinfo: optional fields, escapes, empty source") {
    const auto mounts = sys::parse_mountinfo(
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
        "37 36 0:5 / /with\\040blank\\011tab\\134back\\012line ro - tmpfs  rw\n"
        "38 36 0:6 /-/ /- rw - fuse.x - rw\n");
    REQUIRE(mounts.size() == 3);
    CHECK(mounts[0].id == 36);
    CHECK(mounts[0].parent_id == 35);
    CHECK(mounts[0].major == 98);
    CHECK(mounts[0].minor == 0);
    CHECK(mounts[0].root == "/mnt1");
    CHECK(mounts[0].mount_point == "/mnt2");
    CHECK(mounts[0].options == "rw,noatime");
    CHECK(mounts[0].optional_fields == std::vector<std::string>{"master:1", "shared:7"});
    CHECK(mounts[0].type == "ext3");
    CHECK(mounts[0].source == "/dev/root");
    CHECK(mounts[0].super_options == "rw,errors=continue");
    CHECK(mounts[1].mount_point == "/with blank\ttab\\back\nline");
    CHECK(mounts[1].source.empty());
    CHECK(mounts[2].mount_point == "/-");
    CHECK(mounts[2].source == "-");
}

TEST_CASE("mountinfo: what is no mountinfo is corrupt") {
    for (const char* text : {"36 35 98:0 / / rw - ext3",
                             "36 35 98 / / rw - ext3 /dev/root rw",
                             "x 35 98:0 / / rw - ext3 /dev/root rw",
                             "36 35 98:0 / / rw ext3 /dev/root rw",
                             "hello"}) {
        CAPTURE(text);
        try {
            (void)sys::parse_mountinfo(text);
            FAIL("parsed");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
        }
    }
    CHECK(sys::parse_mountinfo("").empty());
}

TEST_CASE("mountinfo: of this process") {
    const auto mounts = sys::read_mountinfo();
    CHECK(std::ranges::any_of(mounts, [](const auto& m) { return m.mount_point == "/proc"; }));
}

TEST_CASE("a failing mount names its target, a failing fsconfig the kernel's reason") {
    const TempDir dir;
    try {
        sys::mount("none", dir / "nowhere", "tmpfs", 0);
        FAIL("mounted");
    } catch (const SysError& error) {
        CHECK(error.text().find("mount tmpfs on " + (dir / "nowhere")) == 0);
    }
    if (::geteuid() != 0) {
        return;
    }
    const auto fs = sys::fsopen("tmpfs");
    try {
        sys::fsconfig_set_string(fs.get(), "size", "lots");
        FAIL("configured");
    } catch (const SysError& error) {
        CHECK(error.error() == EINVAL);
        CHECK(error.text().find("fsconfig size (") == 0);
    }
}

namespace {

/// In a child with a user and a mount namespace of its own, where the kernel allows that.
/// 0: all was right; 77: not possible here; else the number of the step that failed.
int check_mounts_in_child(const std::string& directory) {
    using namespace sys;
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (raw::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return 77;
    }
    try {
        if (uid != 0) {
            write_existing("/proc/self/setgroups", "deny");
            write_existing("/proc/self/uid_map", fmt::format("0 {} 1", uid));
            write_existing("/proc/self/gid_map", fmt::format("0 {} 1", gid));
        }
        mount("", "/", "", MS_REC | MS_PRIVATE);
        mount("tmpfs", directory, "tmpfs", 0, "size=64k");
        write_file_atomic(directory + "/f", "x", 0600, Durability::relaxed);
        make_directories(directory + "/tree/mounted", 0755);
        mount("tmpfs", directory + "/tree/mounted", "tmpfs", 0);
        write_file_atomic(directory + "/tree/mounted/precious", "x", 0600, Durability::relaxed);
        // A bind mount of the same file system is another mount, too.
        make_directories(directory + "/source", 0755);
        make_directories(directory + "/tree/bound", 0755);
        write_file_atomic(directory + "/source/precious", "x", 0600, Durability::relaxed);
        mount(directory + "/source", directory + "/tree/bound", "", MS_BIND);
        bool refused = false;
        try {
            remove_tree(directory + "/tree");
        } catch (const SysError& error) {
            refused = error.error() == EXDEV || error.error() == EBUSY;
        }
        if (!refused || !file_exists(directory + "/tree/mounted/precious") ||
            !file_exists(directory + "/source/precious")) {
            return 1;
        }
        UniqueFd fs = fsopen("tmpfs");
        fsconfig_set_string(fs.get(), "mode", "0711");
        fsconfig_create(fs.get());
        const UniqueFd detached = fsmount(fs.get(), MOUNT_ATTR_NOSUID);
        make_directories(directory + "/new", 0755);
        {
            MountGuard guard(directory + "/new");
            move_mount(detached.get(), AT_FDCWD, directory + "/new");
            if ((stat(directory + "/new").st_mode & 07777) != 0711) {
                return 2;
            }
            mount_setattr(AT_FDCWD,
                          directory + "/new",
                          0,
                          {.set = MOUNT_ATTR_RDONLY, .clear = 0, .propagation = 0});
            const auto mounts = read_mountinfo();
            if (std::ranges::none_of(mounts, [&](const MountInfo& info) {
                    return info.mount_point == directory + "/new" && info.type == "tmpfs" &&
                           info.options.find("ro") == 0;
                })) {
                return 3;
            }
            const UniqueFd clone =
                open_tree(AT_FDCWD, directory + "/new", OPEN_TREE_CLONE | AT_RECURSIVE);
        }
        if ((stat(directory + "/new").st_mode & 07777) == 0711) {
            return 4;
        }
    } catch (const Error& error) {
        MESSAGE(error.text());
        return 5;
    }
    return 0;
}

}  // namespace

TEST_CASE("mounts in a namespace of their own; remove_tree stops at mounts") {
    const TempDir dir;
    const pid_t child = ::fork();
    if (child == 0) {
        sys::raw::exit(check_mounts_in_child(dir.path()));
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77) {
        CHECK(WEXITSTATUS(status) == 0);
    }
}
