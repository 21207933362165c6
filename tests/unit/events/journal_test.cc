#include "events/journal.h"

#include <fcntl.h>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "events/reader.h"
#include "sys/file.h"
#include "sys/lock_file.h"
#include "tests/support/temp_dir.h"

namespace nau::events {
namespace {

Event numbered(int number) {
    Event event;
    event.time = SystemClock().now();
    event.action = "create";
    event.id = fmt::format("{}", number);
    return event;
}

std::vector<std::string> ids(const std::string& path) {
    std::vector<std::string> result;
    read_events(path, {}, [&](const Event& event) {
        result.push_back(event.id);
        return true;
    });
    return result;
}

TEST_CASE("append makes the directory and the file for the owner only") {
    const test::TempDir dir;
    const std::string path = dir.file("events/journal.jsonl");
    Journal(path).append(numbered(1));
    CHECK((sys::stat(path).st_mode & 07777) == 0600);
    CHECK((sys::stat(dir.file("events")).st_mode & 07777) == 0700);
    CHECK(ids(path) == std::vector<std::string>{"1"});
}

TEST_CASE("an unfinished last line is stepped over by the writer and skipped by the reader") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    const Journal journal(path);
    journal.append(numbered(1));
    sys::AppendFile(path).append("{\"time\":\"2026-11-");
    CHECK(ids(path) == std::vector<std::string>{"1"});
    journal.append(numbered(2));
    CHECK(ids(path) == std::vector<std::string>{"1", "2"});
}

TEST_CASE("the journal is bounded and keeps the youngest events") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    const Journal journal(path, {.max_size_bytes = 2000, .max_files = 3});
    for (int i = 0; i < 200; ++i) {
        journal.append(numbered(i));
    }
    for (const char* name : {"journal.jsonl", "journal.jsonl.1", "journal.jsonl.2"}) {
        CHECK(sys::stat(dir.file(name)).st_size <= 2000);
    }
    CHECK_FALSE(sys::file_exists(dir.file("journal.jsonl.3")));
    const auto found = ids(path);
    REQUIRE(found.size() > 20);
    CHECK(found.back() == "199");
    for (size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i] == fmt::format("{}", 200 - found.size() + i));
    }
}

TEST_CASE("an event that is longer than the limit is still one line") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    const Journal journal(path, {.max_size_bytes = 100, .max_files = 2});
    Event event = numbered(1);
    event.attributes["long"] = std::string(5000, 'x');
    journal.append(event);
    journal.append(event);
    CHECK(ids(path) == std::vector<std::string>{"1", "1"});
}

TEST_CASE("a stopped holder of the lock delays others but does not stop them") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    const sys::FileLock lock = sys::FileLock::exclusive(path + ".lock");
    Journal(path).append(numbered(1));
    CHECK(ids(path) == std::vector<std::string>{"1"});
}

TEST_CASE("a follower sees each event of many writers once, in spite of rotation") {
    const test::TempDir dir;
    const std::string path = dir.file("journal.jsonl");
    constexpr int kWriters = 4;
    constexpr int kEvents = 400;
    static constexpr JournalLimits kLimits{.max_size_bytes = 20'000, .max_files = 50};
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
        writers.emplace_back([&path, w] {
            const Journal journal(path, kLimits);
            for (int i = 0; i < kEvents; ++i) {
                journal.append(numbered(w * kEvents + i));
            }
        });
    }
    std::set<std::string> seen;
    size_t count = 0;
    read_events(path, {.follow = true}, [&](const Event& event) {
        seen.insert(event.id);
        return ++count < kWriters * kEvents;
    });
    CHECK(seen.size() == kWriters * kEvents);
}

}  // namespace
}  // namespace nau::events
