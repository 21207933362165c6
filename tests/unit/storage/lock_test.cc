#include "storage/lock.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::storage {
namespace {

struct Fixture {
    test::TempDir dir;
    Paths paths{dir.file("graph"), dir.file("run")};

    Fixture() {
        sys::make_directories(paths.graph_root(), 0700);
        sys::make_directories(paths.container_locks(), 0700);
    }
};

TEST_CASE_FIXTURE(Fixture, "the store lock is shared by some or held by one") {
    {
        const auto first = StoreLock::acquire(paths, LockMode::shared);
        const auto second = StoreLock::try_acquire(paths, LockMode::shared);
        CHECK(second.has_value());
        CHECK_FALSE(StoreLock::try_acquire(paths, LockMode::exclusive));
        CHECK_THROWS_AS(
            (void)StoreLock::acquire(paths, LockMode::exclusive, std::chrono::milliseconds(5)),
            Error);
    }
    const auto only = StoreLock::try_acquire(paths, LockMode::exclusive);
    REQUIRE(only.has_value());
    CHECK(only->mode() == LockMode::exclusive);
    CHECK_FALSE(StoreLock::try_acquire(paths, LockMode::shared));
}

TEST_CASE_FIXTURE(Fixture, "container locks exclude each other, one by one") {
    const auto a = ContainerId::generate();
    const auto b = ContainerId::generate();
    const auto lock = ContainerLock::acquire(paths, a);
    CHECK_FALSE(ContainerLock::try_acquire(paths, a));
    CHECK(ContainerLock::try_acquire(paths, b));
    try {
        (void)ContainerLock::acquire(paths, a, std::chrono::milliseconds(5));
        FAIL("locked twice");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::timed_out);
        CHECK(error.text().find(a.short_id()) != std::string::npos);
    }
}

TEST_CASE_FIXTURE(Fixture, "several are locked in order, each once") {
    const auto a = ContainerId::generate();
    const auto b = ContainerId::generate();
    const auto locks = ContainerLock::acquire_all(paths, {b, a, b});
    REQUIRE(locks.size() == 2);
    CHECK(locks.front().id() == std::min(a, b));
}

TEST_CASE_FIXTURE(Fixture, "a removed lock file does not let two in") {
    const auto id = ContainerId::generate();
    auto first = ContainerLock::acquire(paths, id);
    first.remove_file();
    CHECK_FALSE(sys::file_exists(paths.container_lock(id)));
    // The name is free: a newcomer locks a file of its own, and the record tells that it is gone.
    CHECK(ContainerLock::try_acquire(paths, id));
    first.remove_file();  // twice does no harm
}

}  // namespace
}  // namespace nau::storage
