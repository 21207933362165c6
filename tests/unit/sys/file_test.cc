#include "sys/file.h"

#include <array>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using nau::test::TempDir;

namespace {

int errno_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const SysError& error) {
        return error.error();
    }
    return 0;
}

mode_t mode_of(const std::string& path) {
    return sys::lstat(path).st_mode & 07777;
}

}  // namespace

TEST_CASE("read_file takes exactly what is allowed and refuses one byte more") {
    const TempDir dir;
    for (const size_t size : {size_t{0}, size_t{1}, size_t{4095}, size_t{4096}, size_t{100000}}) {
        const std::string bytes(size, 'x');
        dir.write("f", bytes);
        CHECK(sys::read_file(dir / "f", size) == bytes);
        CHECK(sys::read_file(dir / "f", SIZE_MAX) == bytes);
        if (size > 0) {
            try {
                (void)sys::read_file(dir / "f", size - 1);
                FAIL("read more than allowed");
            } catch (const Error& error) {
                CHECK(error.kind() == ErrorKind::invalid);
                CHECK(error.text() ==
                      fmt::format("read {}: larger than {} bytes", dir / "f", size - 1));
            }
        }
    }
}

TEST_CASE("read_file reads files of /proc, which have no size") {
    CHECK(sys::read_file("/proc/self/stat", 65536).find(std::to_string(::getpid())) == 0);
}

TEST_CASE("read_file names the path that is missing") {
    const TempDir dir;
    try {
        (void)sys::read_file(dir / "none", 10);
        FAIL("found");
    } catch (const SysError& error) {
        CHECK(error.error() == ENOENT);
        CHECK(error.text() == "open " + (dir / "none") + ": No such file or directory");
    }
    CHECK_FALSE(sys::read_file_if_exists(dir / "none", 10).has_value());
    dir.write("file", "");
    CHECK(errno_of([&] { (void)sys::read_file_if_exists(dir / "file/below", 10); }) == ENOTDIR);
}

TEST_CASE("read_exactly tells a short file from a whole one") {
    const TempDir dir;
    dir.write("f", "abc");
    std::array<char, 4> buffer{};
    sys::read_exactly(sys::open(dir / "f", O_RDONLY).get(), buffer.data(), 3);
    CHECK(std::string_view(buffer.data(), 3) == "abc");
    try {
        sys::read_exactly(sys::open(dir / "f", O_RDONLY).get(), buffer.data(), 4);
        FAIL("four bytes out of three");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::corrupt);
    }
}

TEST_CASE("write_file_atomic replaces, sets the exact mode and leaves no other file") {
    const TempDir dir;
    const mode_t umask_before = ::umask(0077);
    for (const auto durability : {sys::Durability::durable, sys::Durability::relaxed}) {
        sys::write_file_atomic(dir / "f", "first", 0644, durability);
        CHECK(dir.read("f") == "first");
        CHECK(mode_of(dir / "f") == 0644);
        sys::write_file_atomic(dir / "f", "", 0600, durability);
        CHECK(dir.read("f").empty());
        CHECK(mode_of(dir / "f") == 0600);
        CHECK(sys::list_directory(dir.path()).size() == 1);
    }
    ::umask(umask_before);
}

TEST_CASE("write_file_atomic replaces a link instead of writing through it") {
    const TempDir dir;
    dir.write("precious", "old");
    sys::symlink("precious", dir / "f");
    sys::write_file_atomic(dir / "f", "new", 0644, sys::Durability::relaxed);
    CHECK(dir.read("precious") == "old");
    CHECK(S_ISREG(sys::lstat(dir / "f").st_mode));
}

TEST_CASE("write_file_atomic leaves nothing behind when the rename fails") {
    const TempDir dir;
    sys::make_directories(dir / "d/e", 0755);
    CHECK(errno_of([&] {
              sys::write_file_atomic(dir / "d", "x", 0644, sys::Durability::relaxed);
          }) == EISDIR);
    CHECK(sys::list_directory(dir.path()).size() == 1);
}

TEST_CASE("AppendFile appends behind what another wrote meanwhile") {
    const TempDir dir;
    sys::AppendFile first(dir / "log", 0640);
    sys::AppendFile second(dir / "log");
    first.append("a\n");
    second.append("b\n");
    first.append("c\n");
    CHECK(dir.read("log") == "a\nb\nc\n");
    CHECK(first.size_bytes() == 6);
}

TEST_CASE("write_existing does not create") {
    const TempDir dir;
    CHECK(errno_of([&] { sys::write_existing(dir / "f", "x"); }) == ENOENT);
    dir.write("f", "abc");
    sys::write_existing(dir / "f", "x");
    CHECK(dir.read("f") == "xbc");
}

TEST_CASE("rename_exchange swaps and rename_noreplace refuses") {
    const TempDir dir;
    dir.write("a", "A");
    dir.write("b", "B");
    sys::rename_exchange(dir / "a", dir / "b");
    CHECK(dir.read("a") == "B");
    CHECK(dir.read("b") == "A");
    CHECK(errno_of([&] { sys::rename_noreplace(dir / "a", dir / "b"); }) == EEXIST);
    sys::rename_noreplace(dir / "a", dir / "c");
    CHECK(dir.read("c") == "B");
}

TEST_CASE("unlink_if_exists and mkdir_if_missing tell whether they did something") {
    const TempDir dir;
    CHECK_FALSE(sys::unlink_if_exists(dir / "f"));
    dir.write("f", "");
    CHECK(errno_of([&] { sys::mkdir_if_missing(dir / "f", 0755); }) == EEXIST);
    CHECK(sys::unlink_if_exists(dir / "f"));
    CHECK(sys::mkdir_if_missing(dir / "d", 0700));
    CHECK_FALSE(sys::mkdir_if_missing(dir / "d", 0755));
    CHECK(mode_of(dir / "d") == 0700);
}

TEST_CASE("make_directories makes what is missing and nothing twice") {
    const TempDir dir;
    sys::make_directories(dir / "a/b//c/", 0700);
    CHECK(sys::is_directory(dir / "a/b/c"));
    CHECK(mode_of(dir / "a") == 0700);
    sys::make_directories(dir / "a/b/c/d", 0755);
    sys::make_directories(dir / "a/b/c/d", 0755);
    CHECK(mode_of(dir / "a/b/c") == 0700);
    sys::make_directories("/", 0755);
    dir.write("file", "");
    CHECK(errno_of([&] { sys::make_directories(dir / "file", 0755); }) == ENOTDIR);
    CHECK(errno_of([&] { sys::make_directories(dir / "file/x", 0755); }) == ENOTDIR);
    CHECK(errno_of([&] { sys::make_directories("", 0755); }) == ENOENT);
}

TEST_CASE("list_directory names every entry once, with its type, more than one buffer of them") {
    const TempDir dir;
    for (int i = 0; i < 500; ++i) {
        dir.write(fmt::format("file-with-a-longish-name-{}", i), "");
    }
    sys::mkdir(dir / "d", 0755);
    sys::symlink("nowhere", dir / "l");
    const auto fd = sys::open(dir.path(), O_RDONLY | O_DIRECTORY);
    for (int round = 0; round < 2; ++round) {  // rewound for the second
        const auto entries = sys::list_directory(fd.get());
        CHECK(entries.size() == 502);
        for (const auto& entry : entries) {
            const auto expected = entry.name == "d"   ? sys::FileType::directory
                                  : entry.name == "l" ? sys::FileType::symlink
                                                      : sys::FileType::regular;
            CHECK((entry.type == expected || entry.type == sys::FileType::unknown));
        }
    }
    CHECK_FALSE(sys::list_directory_if_exists(dir / "none").has_value());
}

TEST_CASE("file_exists follows links, lstat_if_exists does not") {
    const TempDir dir;
    sys::symlink("nowhere", dir / "dangling");
    CHECK_FALSE(sys::file_exists(dir / "dangling"));
    CHECK(sys::lstat_if_exists(dir / "dangling").has_value());
    CHECK(sys::readlink(dir / "dangling") == "nowhere");
    dir.write("f", "");
    CHECK_FALSE(sys::file_exists(dir / "f/below"));
}

TEST_CASE("copy_data copies by whatever road, up to the length or the end") {
    const TempDir dir;
    std::string bytes;
    for (int i = 0; i < 50000; ++i) {
        bytes += std::to_string(i);
    }
    dir.write("from", bytes);
    const auto from = sys::open(dir / "from", O_RDONLY);
    const auto to = sys::open(dir / "to", O_RDWR | O_CREAT, 0600);
    CHECK(sys::copy_data(from.get(), to.get(), 1000) == 1000);
    CHECK(sys::copy_data(from.get(), to.get(), UINT64_MAX) == bytes.size() - 1000);
    CHECK(dir.read("to") == bytes);

    auto pipe = sys::pipe2();
    sys::write_all(pipe.write.get(), "through a pipe");
    pipe.write.reset();
    const auto other = sys::open(dir / "other", O_RDWR | O_CREAT, 0600);
    CHECK(sys::copy_data(pipe.read.get(), other.get(), 100) == 14);
    CHECK(dir.read("other") == "through a pipe");

    const auto proc = sys::open("/proc/self/cmdline", O_RDONLY);
    CHECK(sys::copy_data(proc.get(), other.get(), 100000) > 0);
}

TEST_CASE("copy_data works onto a descriptor that appends") {
    const TempDir dir;
    dir.write("from", "new");
    dir.write("to", "old ");
    const auto from = sys::open(dir / "from", O_RDONLY);
    const auto to = sys::open(dir / "to", O_WRONLY | O_APPEND);
    CHECK(sys::copy_data(from.get(), to.get(), 100) == 3);
    CHECK(dir.read("to") == "old new");
}

TEST_CASE("free_bytes is what the file system says") {
    const TempDir dir;
    CHECK(sys::free_bytes(dir.path()) > 0);
    CHECK(sys::free_bytes("/proc") == 0);
}

TEST_CASE("everything that is opened is close-on-exec") {
    const TempDir dir;
    dir.write("f", "");
    const auto check = [](const sys::UniqueFd& fd) {
        CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    };
    check(sys::open(dir / "f", O_RDONLY));
    check(sys::memfd_create("test", 0));
    check(sys::open(dir / "f", O_RDONLY).duplicate());
    const auto pipe = sys::pipe2();
    check(pipe.read);
    check(pipe.write);
}

TEST_CASE("UniqueFd closes once, keeps errno, and moves") {
    const TempDir dir;
    dir.write("f", "");
    sys::UniqueFd fd = sys::open(dir / "f", O_RDONLY);
    const int number = fd.get();
    sys::UniqueFd other = std::move(fd);
    CHECK_FALSE(static_cast<bool>(fd));  // NOLINT(bugprone-use-after-move): that is the question
    CHECK(other.get() == number);
    errno = EXDEV;
    other.reset();
    CHECK(errno == EXDEV);
    CHECK(::fcntl(number, F_GETFD) == -1);
    other.close_checked("f");  // nothing held: nothing happens
    sys::UniqueFd bad(number);
    CHECK(errno_of([&] { bad.close_checked("f"); }) == EBADF);
    CHECK_FALSE(static_cast<bool>(bad));
}
