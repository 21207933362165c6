#include "logs/writer.h"

#include <csignal>
#include <random>
#include <sys/resource.h>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "logs/reader.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::logs {
namespace {

constexpr auto kOut = Stream::standard_output;
constexpr auto kErr = Stream::standard_error;

struct Streams {
    std::string out;
    std::string err;
    friend bool operator==(const Streams&, const Streams&) = default;
};

Streams read_back(const std::string& path) {
    Streams streams;
    read_log(path, {}, [&](const Entry& entry) {
        std::string& to = entry.record.stream == kOut ? streams.out : streams.err;
        to += entry.record.text;
        to += entry.record.is_partial ? "" : "\n";
        return true;
    });
    return streams;
}

Time at(int second) {
    return *parse_rfc3339("2026-11-23T20:57:00Z") + std::chrono::seconds(second);
}

TEST_CASE("bytes become records and come back") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    {
        LogWriter writer(path, {});
        writer.write(kOut, "one\ntwo", at(1));
        writer.write(kErr, "oops\n", at(2));
        writer.write(kOut, " and\n\nend", at(3));
    }
    CHECK(sys::read_file(path, 10'000) ==
          "2026-11-23T20:57:01.000000000Z stdout F one\n"
          "2026-11-23T20:57:01.000000000Z stdout P two\n"
          "2026-11-23T20:57:02.000000000Z stderr F oops\n"
          "2026-11-23T20:57:03.000000000Z stdout F  and\n"
          "2026-11-23T20:57:03.000000000Z stdout F \n"
          "2026-11-23T20:57:03.000000000Z stdout P end\n");
    CHECK(read_back(path) == Streams{"one\ntwo and\n\nend", "oops\n"});
    CHECK((sys::stat(path).st_mode & 07777) == 0600);
}

TEST_CASE("any bytes in any pieces come back") {
    std::mt19937 random(7);
    for (int round = 0; round < 60; ++round) {
        const test::TempDir dir;
        const std::string path = dir.file("c.log");
        const Format format = round % 2 == 0 ? Format::k8s_file : Format::json_file;
        LogWriter writer(path,
                         {.max_size_bytes = 40'000, .max_files = 1000},
                         {.format = format, .tag = round % 4 == 1 ? "a \"tag\"" : ""});
        Streams written;
        for (int piece = 0; piece < 50; ++piece) {
            const size_t max = round % 3 == 0 ? 40'000 : 300;
            std::string bytes(random() % max, '\0');
            const auto line_ends = 1 + random() % 100;
            for (char& byte : bytes) {
                byte = random() % line_ends == 0 ? '\n' : static_cast<char>(random() % 256);
            }
            const bool is_output = random() % 2 == 0;
            writer.write(is_output ? kOut : kErr, bytes, at(piece));
            (is_output ? written.out : written.err) += bytes;
        }
        CHECK(writer.lost_bytes() == 0);
        const bool is_same = read_back(path) == written;
        CHECK(is_same);
    }
}

TEST_CASE("the log is bounded; the youngest lines stay") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 1000, .max_files = 3});
    for (int i = 0; i < 500; ++i) {
        writer.write(kOut, fmt::format("{}\n", i), at(i));
    }
    for (const char* name : {"c.log", "c.log.1", "c.log.2"}) {
        CHECK(sys::stat(dir.file(name)).st_size <= 1000);
    }
    CHECK_FALSE(sys::file_exists(dir.file("c.log.3")));
    const std::string text = read_back(path).out;
    CHECK(text.ends_with("\n498\n499\n"));
    CHECK(text.size() > 150);
}

TEST_CASE("one file alone starts anew when it is full") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 1000, .max_files = 1});
    for (int i = 0; i < 100; ++i) {
        writer.write(kOut, fmt::format("{}\n", i), at(i));
    }
    CHECK(sys::stat(path).st_size <= 1000);
    CHECK_FALSE(sys::file_exists(path + ".1"));
    CHECK(read_back(path).out.ends_with("\n99\n"));
}

TEST_CASE("fewer files than before: the surplus goes at the next rotation") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    const auto fill = [&](uint32_t max_files) {
        LogWriter writer(path, {.max_size_bytes = 1000, .max_files = max_files});
        for (int i = 0; i < 200; ++i) {
            writer.write(kOut, "some text\n", at(i));
        }
    };
    fill(5);
    CHECK(sys::file_exists(path + ".4"));
    fill(2);
    CHECK(sys::file_exists(path + ".1"));
    CHECK_FALSE(sys::file_exists(path + ".2"));
    CHECK_FALSE(sys::file_exists(path + ".4"));
}

TEST_CASE("a killed writer's unfinished record is cut off by the next") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter(path, {}).write(kOut, "one\n", at(1));
    sys::AppendFile(path).append("2026-11-23T20:57:01.000000000Z stdout F tw");
    LogWriter(path, {}).write(kOut, "three\n", at(1));
    CHECK(read_back(path).out == "one\nthree\n");
}

TEST_CASE("a removed file is made anew") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {});
    writer.write(kOut, "one\n", at(1));
    sys::unlink(path);
    writer.write(kOut, "two\n", at(2));
    CHECK(read_back(path).out == "two\n");
    CHECK(writer.lost_bytes() == 0);
}

TEST_CASE("an emptied file is written on") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {});
    writer.write(kOut, "one\n", at(1));
    sys::ftruncate(sys::open(path, O_WRONLY).get(), 0);
    writer.write(kOut, "two\n", at(2));
    CHECK(read_back(path).out == "two\n");
}

TEST_CASE("after an outside rename, reopen begins a new file") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {});
    writer.write(kOut, "one\n", at(1));
    sys::rename(path, dir.file("old"));
    writer.reopen();
    writer.write(kOut, "two\n", at(2));
    CHECK(read_back(path).out == "two\n");
    CHECK(read_back(dir.file("old")).out == "one\n");
}

TEST_CASE("a directory that has gone loses text but not the writer") {
    const test::TempDir dir;
    sys::mkdir(dir.file("d"), 0700);
    LogWriter writer(dir.file("d/c.log"), {});
    sys::remove_tree(dir.file("d"));
    writer.write(kOut, "one\n", at(1));
    CHECK(writer.lost_bytes() == 4);
    sys::mkdir(dir.file("d"), 0700);
    writer.write(kOut, "two\n", at(2));
    CHECK(writer.lost_bytes() == 4);
    CHECK(read_back(dir.file("d/c.log")).out == "two\n");
}

TEST_CASE("when the disk is full whole records stay, and what is lost is counted") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {});
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit old_limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
    rlimit limit = old_limit;
    limit.rlim_cur = 500;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    std::string written;
    for (int i = 0; i < 20; ++i) {
        const std::string line = fmt::format("line {}\nand {}\n", i, i);
        writer.write(kOut, line, at(i));
        written += line;
    }
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old_limit) == 0);
    (void)std::signal(SIGXFSZ, old_handler);
    const std::string kept = read_back(path).out;
    CHECK(kept.size() > 50);
    CHECK(written.starts_with(kept));
    CHECK(writer.lost_bytes() == written.size() - kept.size());
    writer.write(kOut, "more\n", at(60));
    CHECK(read_back(path).out == kept + "more\n");
}

TEST_CASE("what is no regular file is no log") {
    CHECK_THROWS_AS(LogWriter("/dev/null", {}), Error);
}

TEST_CASE("files that a slow reader needs are kept beyond the limit") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 500, .max_files = 2});
    writer.keep_from(0);
    for (int i = 0; i < 100; ++i) {
        writer.write(kOut, fmt::format("{}\n", i), at(i));
    }
    CHECK(read_back(path).out.starts_with("0\n1\n"));
    CHECK(writer.open_for_reading(0));
    writer.keep_from(std::nullopt);
    for (int i = 0; i < 100; ++i) {
        writer.write(kOut, fmt::format("{}\n", i), at(i));
    }
    CHECK_FALSE(writer.open_for_reading(0));
    CHECK_FALSE(sys::file_exists(path + ".2"));
}

}  // namespace
}  // namespace nau::logs
