#include "oci/layer/tar_writer.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"
#include "oci/layer/tar_reader.h"

namespace {

using nau::Error;
using nau::oci::Chunk;
using nau::oci::EntryType;
using nau::oci::LayerEntry;
using nau::oci::TarReader;
using nau::oci::TarWriter;

struct Member {
    LayerEntry entry;
    std::string content = {};
};

std::string write(const std::vector<Member>& members) {
    std::string tar;
    TarWriter writer([&tar](std::span<const std::byte> bytes) {
        tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    for (const auto& member : members) {
        writer.add(member.entry);
        writer.write_content(member.content);
    }
    writer.finish();
    CHECK(writer.size_bytes() == tar.size());
    return tar;
}

std::vector<Member> read(const std::string& tar) {
    bool is_given = false;
    TarReader reader([&] {
        if (is_given) {
            return Chunk{};
        }
        is_given = true;
        return Chunk{.bytes = std::as_bytes(std::span<const char>(tar)), .owner = nullptr};
    });
    std::vector<Member> members;
    while (const auto* entry = reader.next()) {
        members.push_back({.entry = *entry});
        while (const auto piece = reader.next_content()) {
            members.back().content.append(reinterpret_cast<const char*>(piece->bytes.data()),
                                          piece->bytes.size());
        }
    }
    return members;
}

void check_equal(const LayerEntry& found, const LayerEntry& expected) {
    CHECK(found.path == expected.path);
    CHECK(found.type == expected.type);
    CHECK(found.mode == expected.mode);
    CHECK(found.uid == expected.uid);
    CHECK(found.gid == expected.gid);
    CHECK(found.modified == expected.modified);
    CHECK(found.link_target == expected.link_target);
    CHECK(found.device_major == expected.device_major);
    CHECK(found.device_minor == expected.device_minor);
    CHECK(found.size == expected.size);
    CHECK(found.xattrs == expected.xattrs);
}

LayerEntry file(std::string path, uint64_t size = 0) {
    return {.path = std::move(path), .mode = 0644, .modified = {}, .link_target = {}, .size = size};
}

std::string repeat(std::string_view text, size_t count) {
    std::string result;
    while (count-- > 0) {
        result += text;
    }
    return result;
}

}  // namespace

TEST_CASE("every kind of member is read back as it was written") {
    std::vector<Member> members = {
        {.entry =
             {.path = "dir/", .type = EntryType::directory, .mode = 01777, .uid = 1, .gid = 2}},
        {.entry = file("dir/file", 5), .content = "hello"},
        {.entry =
             {.path = "dir/link", .type = EntryType::symlink, .mode = 0777, .link_target = "file"}},
        {.entry = {.path = "dir/hard",
                   .type = EntryType::hard_link,
                   .mode = 0644,
                   .link_target = "dir/file"}},
        {.entry = {.path = "c",
                   .type = EntryType::character_device,
                   .device_major = 1,
                   .device_minor = 3}},
        {.entry = {.path = "b",
                   .type = EntryType::block_device,
                   .device_major = 4095,
                   .device_minor = 1048575}},
        {.entry = {.path = "fifo", .type = EntryType::fifo, .mode = 04755}},
    };
    const auto found = read(write(members));
    REQUIRE(found.size() == members.size());
    for (size_t i = 0; i < members.size(); ++i) {
        CAPTURE(members[i].entry.path);
        check_equal(found[i].entry, members[i].entry);
        CHECK(found[i].content == members[i].content);
    }
}

TEST_CASE("what ustar cannot say is kept") {
    std::vector<LayerEntry> entries;
    for (const size_t length :
         {99U, 100U, 101U, 155U, 156U, 200U, 255U, 256U, 257U, 300U, 1000U, 4000U}) {
        entries.push_back(file(std::string(length, 'n')));
        entries.push_back(file(repeat("abcdefg/", length / 8) + "end"));
        entries.push_back({.path = "link" + std::to_string(length),
                           .type = EntryType::symlink,
                           .mode = 0777,
                           .link_target = std::string(length, 't')});
        entries.push_back({.path = repeat("d/", length / 2), .type = EntryType::directory});
    }
    for (const int64_t seconds :
         {int64_t{0}, int64_t{-1}, int64_t{-1'000'000}, int64_t{1} << 33, int64_t{1} << 40}) {
        for (const uint32_t nanoseconds : {0U, 1U, 500'000'000U, 999'999'999U}) {
            entries.push_back(file("time"));
            entries.back().modified = {.seconds = seconds, .nanoseconds = nanoseconds};
        }
    }
    for (const uint32_t id : {2'097'151U, 2'097'152U, 4'294'967'294U}) {
        entries.push_back(file("owner"));
        entries.back().uid = id;
        entries.back().gid = id;
    }
    entries.push_back(file("latin-\xe9\xff"));
    entries.push_back(file("gr\xc3\xbc\xc3\x9f" + std::string(200, 'x')));
    entries.push_back(file("attributes"));
    entries.back().xattrs = {{"user.empty", ""},
                             {"user.bytes", std::string("\n\0=", 3)},
                             {"security.capability", std::string(20, '\1')},
                             {"user.long", std::string(5000, 'v')}};
    for (const auto& entry : entries) {
        CAPTURE(entry.path.size());
        const auto found = read(write({{.entry = entry}}));
        REQUIRE(found.size() == 1);
        check_equal(found[0].entry, entry);
    }
}

TEST_CASE("a pax header stands only where it is needed") {
    CHECK(write({{.entry = file("plain")}}).size() == 512 + 1024);
    CHECK(write({{.entry = file(std::string(99, 'p') + "/" + std::string(100, 'n'))}}).size() ==
          512 + 1024);
    CHECK(write({{.entry = file(std::string(101, 'n'))}}).size() == 3 * 512 + 1024);
}

TEST_CASE("equal entries give equal bytes, and the bytes are these") {
    // Not to be changed lightly: digests of layers that exist depend on it.
    auto entry = file("a", 1);
    entry.modified = {.seconds = 1, .nanoseconds = 500'000'000};
    entry.xattrs = {{"user.b", "2"}, {"user.a", "1"}};
    const std::string tar = write({{.entry = entry, .content = "x"}});
    CHECK(tar == write({{.entry = entry, .content = "x"}}));
    CHECK(tar.size() == 3 * 512 + 512 + 1024);
    CHECK(std::string(tar.c_str()) == "PaxHeaders.0/a");
    CHECK(std::string(tar.c_str() + 512) ==
          "25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n13 mtime=1.5\n");
}

TEST_CASE("the length of a pax record counts its own digits") {
    // 9 to 10, 99 to 100 and 999 to 1000 bytes: one digit more makes the record longer.
    for (size_t length = 60; length < 1100; ++length) {
        auto entry = file(std::string(length + 100, 'n'));
        const auto found = read(write({{.entry = entry}}));
        REQUIRE(found.size() == 1);
        REQUIRE(found[0].entry.path == entry.path);
    }
}

TEST_CASE("content may come in any pieces") {
    std::string content(200'000, '\0');
    for (size_t i = 0; i < content.size(); ++i) {
        content[i] = static_cast<char>(i * 7);
    }
    const std::string expected = write({{.entry = file("f", content.size()), .content = content}});
    for (const size_t step : {1U, 511U, 512U, 65'536U, 70'000U}) {
        std::string tar;
        TarWriter writer([&tar](std::span<const std::byte> bytes) {
            tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        });
        writer.add(file("f", content.size()));
        for (size_t at = 0; at < content.size(); at += step) {
            writer.write_content(std::string_view(content).substr(at, step));
        }
        CHECK(writer.content_left() == 0);
        writer.finish();
        CHECK(tar == expected);
    }
}

TEST_CASE("a file that became shorter is filled up") {
    std::string tar;
    TarWriter writer([&tar](std::span<const std::byte> bytes) {
        tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    writer.add(file("f", 1000));
    writer.write_content(std::string_view("abc"));
    writer.fill_with_zeros();
    writer.finish();
    const auto found = read(tar);
    REQUIRE(found.size() == 1);
    CHECK(found[0].content == "abc" + std::string(997, '\0'));
}

TEST_CASE("what no tar can hold is refused") {
    auto attribute = file("f");
    attribute.xattrs = {{"user.a=b", "1"}};
    CHECK_THROWS_AS(write({{.entry = attribute}}), Error);
    CHECK_THROWS_AS(write({{.entry = file("")}}), Error);
    CHECK_THROWS_AS(write({{.entry = file(std::string("a\0b", 3))}}), Error);
}
