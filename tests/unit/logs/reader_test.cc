#include "logs/reader.h"

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "logs/writer.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

namespace nau::logs {
namespace {

constexpr auto kOut = Stream::standard_output;
constexpr auto kErr = Stream::standard_error;

Time at(int second) {
    return *parse_rfc3339("2026-11-23T20:57:00Z") + std::chrono::seconds(second);
}

/// What print_log() gives, both descriptors in one file.
std::string print(const std::string& path,
                  const ReadOptions& options,
                  bool timestamps = false,
                  const std::string& prefix = "") {
    const test::TempDir dir;
    const sys::UniqueFd file = sys::open(dir.file("out"), O_RDWR | O_CREAT | O_APPEND, 0600);
    print_log(path,
              options,
              {.timestamps = timestamps,
               .prefix = prefix,
               .output_fd = file.get(),
               .error_fd = file.get()});
    return sys::read_file(dir.file("out"), 100'000'000);
}

TEST_CASE("tail counts lines, also unfinished ones and lines in pieces") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    {
        LogWriter writer(path, {.max_size_bytes = 250, .max_files = 100});
        writer.write(kOut, "1\n2\n3\n4\n", at(0));
        writer.write(kOut, "5a", at(1));
        writer.write(kOut, "5b", at(1));
        writer.write(kOut, "5c\n", at(1));
        writer.write(kOut, "6", at(1));
    }
    const struct {
        uint64_t tail;
        const char* text;
    } cases[] = {{0, ""},
                 {1, "6"},
                 {2, "5a5b5c\n6"},
                 {3, "4\n5a5b5c\n6"},
                 {6, "1\n2\n3\n4\n5a5b5c\n6"},
                 {100, "1\n2\n3\n4\n5a5b5c\n6"}};
    for (const auto& test : cases) {
        CAPTURE(test.tail);
        CHECK(print(path, {.tail = test.tail}) == test.text);
    }
}

TEST_CASE("tail keeps the pieces of a line together when the streams are mixed") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    {
        LogWriter writer(path, {});
        writer.write(kOut, "old\n", at(0));
        writer.write(kOut, "be", at(0));
        writer.write(kErr, "E1\n", at(0));
        writer.write(kErr, "E2\n", at(0));
        writer.write(kOut, "gin\n", at(0));
        writer.write(kErr, "E3\n", at(0));
    }
    CHECK(print(path, {.tail = 1}) == "E3\n");
    CHECK(print(path, {.tail = 2}) == "begin\nE3\n");
    CHECK(print(path, {.tail = 3}) == "beE2\ngin\nE3\n");
    CHECK(print(path, {.tail = 1, .standard_error = false}) == "begin\n");
    CHECK(print(path, {.tail = 2, .standard_error = false}) == "old\nbegin\n");
    CHECK(print(path, {.tail = 2, .standard_output = false}) == "E2\nE3\n");
}

TEST_CASE("tail of long lines that do not fit one block") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    std::string all;
    std::vector<std::string> lines;
    {
        LogWriter writer(path, {.max_size_bytes = 100'000, .max_files = 100});
        std::mt19937 random(3);
        for (int i = 0; i < 40; ++i) {
            lines.push_back(std::string(random() % 30'000, static_cast<char>('a' + i % 26)) + "\n");
            writer.write(kOut, lines.back(), at(i));
        }
    }
    std::string expected;
    for (size_t n = 1; n <= lines.size(); ++n) {
        expected.insert(0, lines[lines.size() - n]);
        const bool is_same = print(path, {.tail = n}) == expected;
        CHECK(is_same);
    }
}

TEST_CASE("since, until, streams, time stamps and prefix") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    {
        LogWriter writer(path, {});
        writer.write(kOut, "one\n", at(1));
        writer.write(kErr, "two\n", at(2));
        writer.write(kOut, "th", at(3));
        writer.write(kOut, "ree\n", at(4));
    }
    CHECK(print(path, {.since = at(2)}) == "two\nthree\n");
    CHECK(print(path, {.until = at(2)}) == "one\ntwo\n");
    CHECK(print(path, {.standard_output = false}) == "two\n");
    CHECK(print(path, {}, true, "web| ") ==
          "web| 2026-11-23T20:57:01.000000000Z one\n"
          "web| 2026-11-23T20:57:02.000000000Z two\n"
          "web| 2026-11-23T20:57:03.000000000Z three\n");
}

TEST_CASE("no log is an empty log") {
    const test::TempDir dir;
    CHECK(print(dir.file("none/c.log"), {}).empty());
}

TEST_CASE("lines that are no records are skipped") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    sys::AppendFile(path).append("garbage\n\n2026-11-23T20:57:42Z stdout F text\nunfinished");
    CHECK(print(path, {}) == "text\n");
}

TEST_CASE("a closed pipe ends printing quietly") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter(path, {}).write(kOut, "text\n", at(0));
    sys::Pipe pipe = sys::pipe2();
    pipe.read.reset();
    const auto old_handler = std::signal(SIGPIPE, SIG_IGN);
    print_log(path, {}, {.output_fd = pipe.write.get()});
    (void)std::signal(SIGPIPE, old_handler);
}

TEST_CASE("follow prints exactly what was written, in spite of rotation, and ends") {
    for (int round = 0; round < 10; ++round) {
        const test::TempDir dir;
        const std::string path = dir.file("c.log");
        std::atomic<bool> has_ended = false;
        std::string written;
        // More files than the writer makes while the reader looks away.
        std::jthread writer_thread([&] {
            LogWriter writer(path, {.max_size_bytes = 20'000, .max_files = 1000});
            std::mt19937 random(static_cast<unsigned>(round));
            for (int i = 0; i < 3000; ++i) {
                std::string text = fmt::format("line {}", i);
                text.append(random() % 200, 'x');
                text += random() % 4 == 0 ? "" : "\n";
                writer.write(random() % 5 == 0 ? kErr : kOut, text, at(0));
                written += text;
            }
            has_ended = true;
            sys::AppendFile(dir.file("exit")).append("x");
        });
        const std::string text = print(path,
                                       {.follow = true,
                                        .has_ended = [&] { return has_ended.load(); },
                                        .end_directory = dir.path()});
        writer_thread.join();
        const bool is_same = text == written;
        CHECK(is_same);
    }
}

TEST_CASE("follow from the tail shows new lines only once") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 200, .max_files = 100});
    for (int i = 0; i < 20; ++i) {
        writer.write(kOut, fmt::format("old {}\n", i), at(0));
    }
    int next = 0;
    bool has_ended = false;
    std::string text;
    read_log(
        path,
        {.tail = 2, .follow = true, .has_ended = [&] { return has_ended; }},
        [&](const Entry& entry) {
            text += entry.record.text;
            text += ' ';
            return true;
        },
        [&] {
            if (next < 5) {
                writer.write(kOut, fmt::format("new {}\n", next++), at(0));
            } else {
                has_ended = true;
                writer.write(kOut, "last\n", at(0));
            }
        });
    CHECK(text == "old 18 old 19 new 0 new 1 new 2 new 3 new 4 last ");
}

TEST_CASE("a follower that waits is woken by end_fd and by stop_fd") {
    const test::TempDir dir;
    sys::Pipe pipe = sys::pipe2();
    pipe.write.reset();
    int asked = 0;
    read_log(dir.file("c.log"),
             {.follow = true, .has_ended = [&] { return ++asked > 1; }, .end_fd = pipe.read.get()},
             [](const Entry&) { return true; });
    CHECK(asked == 2);
    read_log(dir.file("c.log"), {.follow = true, .stop_fd = pipe.read.get()}, [](const Entry&) {
        return true;
    });
}

}  // namespace
}  // namespace nau::logs
