#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <random>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "logs/gzip_blocks.h"
#include "logs/reader.h"
#include "logs/writer.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::logs {
namespace {

constexpr auto kOut = Stream::standard_output;

Time at(int second) {
    return *parse_rfc3339("2026-11-23T20:57:00Z") + std::chrono::seconds(second);
}

/// What the monitor's child does, then what the monitor does.
bool compress_one(LogWriter& writer) {
    const auto file = writer.next_to_compress();
    if (!file) {
        return false;
    }
    const auto source = writer.open_for_reading(*file);
    REQUIRE(source);
    {
        const sys::UniqueFd target =
            sys::open(writer.temporary().string(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        compress_file(source->get(), target.get());
    }
    writer.take_compressed(*file);
    return true;
}

std::string read_back(const std::string& path, std::optional<uint64_t> tail = {}) {
    std::string text;
    read_log(path, {.tail = tail}, [&](const Entry& entry) {
        text += entry.record.text;
        text += entry.record.is_partial ? "" : "\n";
        return true;
    });
    return text;
}

std::string noise(std::mt19937& random, size_t size) {
    std::string text(size, '\0');
    for (char& byte : text) {
        byte = static_cast<char>(random());
    }
    return text;
}

TEST_CASE("a compressed file is read from any place") {
    const test::TempDir dir;
    std::mt19937 random(5);
    for (const size_t size : {0UL, 1UL, 1000UL, 256UL * 1024, 700'001UL}) {
        const std::string text = noise(random, size);
        const std::string plain = dir.file("plain");
        sys::write_file_atomic(plain, text, 0600, sys::Durability::relaxed);
        const sys::UniqueFd source = sys::open(plain, O_RDONLY);
        const sys::UniqueFd target = sys::open(dir.file("gz"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        compress_file(source.get(), target.get());
        GzipBlocks blocks(target.get());
        REQUIRE(blocks.size() == size);
        for (int i = 0; i < 50; ++i) {
            const size_t offset = random() % (size + 10);
            std::string part(random() % 400'000, '\0');
            part.resize(blocks.read(part.data(), part.size(), offset));
            const std::string_view wanted =
                offset < size ? std::string_view(text).substr(offset) : std::string_view();
            CHECK(wanted.substr(0, part.size()) == part);
            CHECK((part.empty() ? wanted.empty() || part.capacity() < 400'000 : true));
        }
    }
}

TEST_CASE("a damaged compressed file is told of, never believed") {
    const test::TempDir dir;
    std::mt19937 random(6);
    const std::string path = dir.file("gz");
    const std::string text = noise(random, 600'000);
    sys::write_file_atomic(dir.file("plain"), text, 0600, sys::Durability::relaxed);
    {
        const sys::UniqueFd source = sys::open(dir.file("plain"), O_RDONLY);
        const sys::UniqueFd target = sys::open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        compress_file(source.get(), target.get());
    }
    const std::string good = sys::read_file(path, 10'000'000);
    for (int i = 0; i < 60; ++i) {
        std::string bad = good;
        if (i % 3 == 0) {
            bad.resize(random() % bad.size());
        } else {
            bad[random() % bad.size()] ^= static_cast<char>(1U << (random() % 8));
        }
        sys::write_file_atomic(path, bad, 0600, sys::Durability::relaxed);
        const sys::UniqueFd file = sys::open(path, O_RDONLY);
        std::string read(700'000, '\0');
        try {
            GzipBlocks blocks(file.get());
            read.resize(blocks.read(read.data(), read.size(), 0));
            CHECK(text.starts_with(read));
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::corrupt);
        }
    }
}

TEST_CASE("old files are compressed and read with the others, forwards and backwards") {
    for (const Format format : {Format::k8s_file, Format::json_file}) {
        const test::TempDir dir;
        const std::string path = dir.file("c.log");
        std::string written;
        const auto fill = [&](int from, int to, bool compresses) {
            LogWriter writer(path,
                             {.max_size_bytes = 2000, .max_files = 100, .compresses = true},
                             {.format = format});
            for (int i = from; i < to; ++i) {
                writer.write(kOut, fmt::format("line {}\n", i), at(i));
                written += fmt::format("line {}\n", i);
                if (compresses) {
                    (void)compress_one(writer);
                }
            }
        };
        fill(0, 400, true);
        CHECK(sys::file_exists(path + ".1.gz"));
        CHECK_FALSE(sys::file_exists(path + ".1"));
        CHECK(read_back(path) == written);
        fill(400, 600, false);
        CHECK(sys::file_exists(path + ".1"));
        CHECK(read_back(path) == written);
        fill(600, 800, true);  // what the one before has left is compressed as well
        CHECK_FALSE(sys::file_exists(path + ".5"));
        CHECK(read_back(path) == written);
        CHECK(read_back(path, 750) == written.substr(written.find("line 50\n")));
        CHECK(read_back(path, 3) == "line 797\nline 798\nline 799\n");
        CHECK_FALSE(sys::file_exists(path + ".gz.tmp"));
    }
}

TEST_CASE("compressed files count among those that are kept") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 1000, .max_files = 3, .compresses = true});
    for (int i = 0; i < 500; ++i) {
        writer.write(kOut, fmt::format("{}\n", i), at(i));
        while (i % 3 == 0 && compress_one(writer)) {
        }
    }
    CHECK(sys::file_exists(path + ".2.gz"));
    CHECK_FALSE(sys::file_exists(path + ".3.gz"));
    CHECK_FALSE(sys::file_exists(path + ".2"));
    CHECK(read_back(path).ends_with("\n498\n499\n"));
}

TEST_CASE("a file that was dropped while it was compressed leaves nothing") {
    const test::TempDir dir;
    const std::string path = dir.file("c.log");
    LogWriter writer(path, {.max_size_bytes = 200, .max_files = 2, .compresses = true});
    const auto write_some = [&] {
        for (int i = 0; i < 20; ++i) {
            writer.write(kOut, "some text\n", at(i));
        }
    };
    write_some();
    const auto file = writer.next_to_compress();
    REQUIRE(file);
    sys::write_file_atomic(writer.temporary().string(), "x", 0600, sys::Durability::relaxed);
    write_some();
    writer.take_compressed(*file);
    CHECK_FALSE(sys::file_exists(writer.temporary().string()));
    CHECK_FALSE(sys::file_exists(path + ".1.gz"));
    writer.give_up_compressing(*writer.next_to_compress());
    CHECK_FALSE(writer.next_to_compress());
}

TEST_CASE("a follower gets each record once while files are rotated and compressed") {
    std::mt19937 random(11);
    for (int round = 0; round < 12; ++round) {
        const test::TempDir dir;
        const std::string path = dir.file("c.log");
        std::string written;
        for (int i = 0; i < 3000; ++i) {
            written += fmt::format("line {}\n", i);
        }
        std::atomic<bool> has_ended = false;
        std::jthread writing([&] {
            LogWriter writer(path, {.max_size_bytes = 3000, .max_files = 1000, .compresses = true});
            for (std::string_view rest = written; !rest.empty();) {
                const size_t size = std::min<size_t>(rest.size(), 1 + random() % 200);
                writer.write(kOut, rest.substr(0, size), at(1));
                rest.remove_prefix(size);
                if (random() % 4 == 0) {
                    (void)compress_one(writer);
                }
            }
            has_ended = true;
            sys::write_file_atomic(dir.file("end"), "", 0600, sys::Durability::relaxed);
        });
        std::string read;
        read_log(path,
                 {.follow = true, .has_ended = [&] { return has_ended.load(); }},
                 [&](const Entry& entry) {
                     read += entry.record.text;
                     read += entry.record.is_partial ? "" : "\n";
                     return true;
                 });
        const bool is_same = read == written;
        CHECK(is_same);
    }
}

}  // namespace
}  // namespace nau::logs
