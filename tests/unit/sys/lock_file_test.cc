#include "sys/lock_file.h"

#include <chrono>
#include <sys/stat.h>
#include <thread>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using namespace std::chrono_literals;
using nau::test::TempDir;
using sys::FileLock;

TEST_CASE("an exclusive lock keeps all others out, shared ones keep each other in") {
    const TempDir dir;
    const std::string path = dir / "lock";
    {
        const auto held = FileLock::exclusive(path);
        CHECK(held.is_held());
        CHECK_FALSE(FileLock::try_exclusive(path).has_value());
        CHECK_FALSE(FileLock::try_shared(path).has_value());
    }
    {
        const auto first = FileLock::shared(path);
        CHECK(FileLock::try_shared(path).has_value());
        CHECK_FALSE(FileLock::try_exclusive(path).has_value());
    }
    CHECK(FileLock::try_exclusive(path).has_value());
    CHECK((sys::stat(path).st_mode & 07777) == 0600);
}

TEST_CASE("unlock releases before the destructor, and twice does no harm") {
    const TempDir dir;
    auto held = FileLock::exclusive(dir / "lock");
    held.unlock();
    held.unlock();
    CHECK_FALSE(held.is_held());
    CHECK(FileLock::try_exclusive(dir / "lock").has_value());
}

TEST_CASE("a lock on a file that was removed or replaced does not count") {
    const TempDir dir;
    const std::string path = dir / "lock";
    const auto old = FileLock::exclusive(path);
    sys::unlink(path);
    auto fresh = FileLock::try_exclusive(path);
    CHECK(fresh.has_value());  // of the new file
    CHECK(sys::fstat(fresh->fd()).st_ino == sys::stat(path).st_ino);
}

TEST_CASE("a waiter finds out that the file it waited for has been replaced") {
    const TempDir dir;
    const std::string path = dir / "lock";
    auto held = FileLock::exclusive(path);
    std::jthread waiter([&] {
        const auto mine = FileLock::exclusive(path);
        CHECK(sys::fstat(mine.fd()).st_ino == sys::stat(path).st_ino);
    });
    dir.write("other", "");
    sys::rename(dir / "other", path);
    held.unlock();
}

TEST_CASE("waiting ends when the time is over, naming the file and the holder") {
    const TempDir dir;
    const std::string path = dir / "lock";
    const auto held = FileLock::exclusive(path);
    for (const auto timeout : {0ms, 3ms}) {
        try {
            (void)FileLock::shared_within(path, timeout);
            FAIL("got the lock");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::timed_out);
            CHECK(error.text().starts_with("lock " + path));
            CHECK(
                error.text().ends_with(fmt::format("not released within {} ms", timeout.count())));
        }
    }
}

TEST_CASE("waiting ends when the lock is released") {
    const TempDir dir;
    const std::string path = dir / "lock";
    auto held = FileLock::exclusive(path);
    std::jthread waiter([&] { CHECK(FileLock::exclusive_within(path, 60s).is_held()); });
    held.unlock();
}

TEST_CASE("a lock in a directory that does not exist is an error") {
    const TempDir dir;
    CHECK_THROWS_AS((void)FileLock::exclusive(dir / "none/lock"), SysError);
}
