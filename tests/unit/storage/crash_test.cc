// Kills crash_helper at every fail point it passes, and makes every point fail with "disk full",
// and looks at what is left: everything that is visible is whole, and the next command gets to the
// end. The points are not listed here: a run without incident tells them.

#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/parse.h"
#include "storage/gc/sweep.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "sys/process.h"
#include "tests/unit/storage/crash_images.h"

namespace nau {
namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a test of that module

/// Passages of one point that are tried: the first ones, which differ.
constexpr int kMaxPassages = 6;

sys::ExitStatus run_helper(const test::TempDir& dir, const std::vector<std::string>& environment) {
    const char* helper = std::getenv("NAU_CRASH_HELPER");  // NOLINT(concurrency-mt-unsafe)
    REQUIRE(helper != nullptr);
    sys::SpawnOptions options;
    options.path = helper;
    options.argv = {helper, dir.file("store")};
    options.env = environment;
    options.stdout_fd = sys::SpawnOptions::kNull;
    options.stderr_fd = sys::SpawnOptions::kNull;
    return sys::spawn(options).wait();
}

std::map<std::string, int> find_points() {
    const test::TempDir dir(test::TempDir::Medium::memory);
    const std::string log = dir.file("log");
    const auto status = run_helper(dir, {"NAU_FAIL_POINT_LOG=" + log});
    REQUIRE(status.code == 0);
    std::map<std::string, int> points;
    const std::string text = sys::read_file(log, size_t{1} << 20U);
    for (const auto line : split(text, '\n')) {
        if (!line.empty()) {
            ++points[std::string(line)];
        }
    }
    return points;
}

void check_image(Store& store, const test::TestImage& image) {
    for (const auto& digest : image.digests()) {
        store.content().verify_blob(digest);
    }
    const auto directories = store.snapshots().lower_dirs(image.chain_ids.back());
    REQUIRE(directories.size() == image.layers.size());
    for (size_t i = 0; i < directories.size(); ++i) {
        CHECK(sys::read_file(directories[i] / "layer", 100) ==
              image.layer_bytes[image.layers.size() - 1 - i]);
    }
}

/// Everything that a command could find is whole.
void check_visible(Store& store) {
    CHECK(store.db().check_integrity().empty());
    for (const auto& blob : store.content().list_blobs()) {
        store.content().verify_blob(blob.digest);
    }
    for (const auto& image : test::crash_images()) {
        if (store.records().images.find("default", image.name)) {
            check_image(store, image);
        }
    }
    for (const auto& snapshot : store.snapshots().list()) {
        if (snapshot.kind == SnapshotKind::committed) {
            CHECK(sys::file_exists(store.paths().snapshot_fs(snapshot.number) / "layer"));
        }
    }
    for (const auto& container : store.records().containers.list("default")) {
        const auto spec = store.snapshots().mount_spec(SnapshotKey(container.id));
        CHECK(sys::is_directory(spec.upper));
        CHECK(spec.lower_dirs.size() == 2);
    }
}

/// No byte is left that nobody refers to.
void check_clean(Store& store, Time now) {
    const auto lock = StoreLock::acquire(store.paths(), LockMode::exclusive);
    (void)collect_garbage(store, lock, {.now = now, .keeps_resumable = false});
    (void)Trash(store.paths()).empty();
    CHECK(list_trash(store.paths()).empty());
    CHECK(store.content().list_ingests().empty());
    CHECK(store.records().leases.list_all().empty());
    std::set<oci::Digest> needed;
    for (const auto& image : test::crash_images()) {
        if (store.records().images.find("default", image.name)) {
            const auto digests = image.digests();
            needed.insert(digests.begin(), digests.end());
        }
    }
    for (const auto& blob : store.content().list_blobs()) {
        CHECK(needed.contains(blob.digest));
    }
    CHECK(sys::list_directory(store.paths().snapshots().string()).size() ==
          store.snapshots().list().size());
}

void check_left_over(const test::TempDir& dir) {
    const SystemClock clock;
    {
        Store store = test::open_crash_store(dir.file("store"), clock);
        check_visible(store);
    }
    REQUIRE(run_helper(dir, {}).code == 0);
    Store store = test::open_crash_store(dir.file("store"), clock);
    check_visible(store);
    check_clean(store, clock.now());
    // The helper ends with the second image only.
    CHECK(store.records().images.list("default").size() == 1);
    CHECK(store.records().containers.list("default").empty());
    CHECK(store.snapshots().list().size() == 2);
}

void for_each_passage(const std::function<void(const std::string& point)>& action) {
    const auto points = find_points();
    CHECK(points.size() > 30);
    for (const auto& [name, passages] : points) {
        for (int passage = 1; passage <= std::min(passages, kMaxPassages); ++passage) {
            action(fmt::format("{}@{}", name, passage));
        }
    }
}

TEST_CASE("a process killed at any point leaves a store in which the next one works") {
    for_each_passage([](const std::string& point) {
        CAPTURE(point);
        const test::TempDir dir(test::TempDir::Medium::memory);
        const auto status = run_helper(dir, {"NAU_FAIL_POINT=" + point + "=kill"});
        CHECK(status.signal == SIGKILL);
        check_left_over(dir);
    });
}

TEST_CASE("a full disk at any point is an error, and the next command works") {
    for_each_passage([](const std::string& point) {
        CAPTURE(point);
        const test::TempDir dir(test::TempDir::Medium::memory);
        const auto status = run_helper(dir, {"NAU_FAIL_POINT=" + point + "=error:ENOSPC"});
        // The upkeep and the trash log their failures and go on.
        CHECK((status.code == 3 || status.code == 0));
        check_left_over(dir);
    });
}

}  // namespace
}  // namespace nau
