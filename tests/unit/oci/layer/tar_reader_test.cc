#include "oci/layer/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "tests/support/tar_builder.h"

using namespace std::string_literals;
using nau::ErrorKind;
using nau::oci::Chunk;
using nau::oci::EntryType;
using nau::oci::LayerEntry;
using nau::oci::SparseExtent;
using nau::oci::TarLimits;
using nau::oci::TarReader;
using nau::oci::Timestamp;
using nau::test::pax_record;
using nau::test::TarBuilder;
using nau::test::TarDialect;
using nau::test::TarMember;

namespace {

/// Each chunk is a copy of its own, so that a sanitizer sees who reads beyond its life.
nau::oci::ChunkSource source_of(std::string bytes, size_t step) {
    return [bytes = std::move(bytes), step, position = size_t{0}]() mutable {
        const size_t size = std::min(step, bytes.size() - position);
        auto copy = std::make_shared<std::string>(bytes.substr(position, size));
        position += size;
        return Chunk{.bytes = std::as_bytes(std::span<const char>(*copy)), .owner = copy};
    };
}

struct Read {
    LayerEntry entry;
    std::string content;  ///< with holes as zeros
};

std::vector<Read> read_all(const std::string& bytes,
                           size_t step = size_t{1} << 20,
                           const TarLimits& limits = {}) {
    TarReader reader(source_of(bytes, step), limits);
    std::vector<Read> result;
    while (const auto* entry = reader.next()) {
        Read read{.entry = *entry, .content = {}};
        if (entry->size <= size_t{1} << 20) {
            read.content.resize(entry->size);
            while (const auto piece = reader.next_content()) {
                std::memcpy(
                    read.content.data() + piece->offset, piece->bytes.data(), piece->bytes.size());
            }
        }
        result.push_back(std::move(read));
    }
    return result;
}

ErrorKind failure_of(const std::string& bytes, const TarLimits& limits = {}) {
    try {
        (void)read_all(bytes, 4096, limits);
    } catch (const nau::Error& error) {
        INFO(error.text());
        return error.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::internal;
}

TarMember member(std::string path, char type = '0') {
    TarMember result;
    result.path = std::move(path);
    result.type = type;
    return result;
}

}  // namespace

TEST_CASE("every dialect tells the same of an ordinary file, in chunks of any size") {
    for (const auto dialect :
         {TarDialect::v7, TarDialect::ustar, TarDialect::gnu, TarDialect::pax}) {
        CAPTURE(static_cast<int>(dialect));
        TarMember file = member("usr/bin/prog");
        file.dialect = dialect;
        file.mode = 04755;
        file.uid = 1000;
        file.gid = 100;
        file.content = std::string(1500, 'x') + "end";
        const std::string tar = TarBuilder().add(file).add(file).finish();
        for (const size_t step : {1U, 100U, 511U, 512U, 513U, 1000U, 100'000U}) {
            CAPTURE(step);
            const auto read = read_all(tar, step);
            REQUIRE(read.size() == 2);
            for (const auto& [entry, content] : read) {
                CHECK(entry.path == file.path);
                CHECK(entry.type == EntryType::regular);
                CHECK(entry.mode == 04755);
                CHECK(entry.uid == 1000);
                CHECK(entry.gid == 100);
                CHECK(entry.modified == Timestamp{1'700'000'000, 0});
                CHECK(entry.accessed == std::nullopt);
                CHECK(entry.size == file.content.size());
                CHECK(content == file.content);
            }
        }
    }
}

TEST_CASE("types of members") {
    TarMember device = member("dev/sda", '4');
    device.device_major = 8;
    device.device_minor = 0xfffff;
    TarMember null = member("dev/null", '3');
    null.device_major = 1;
    null.device_minor = 3;
    TarMember old_directory = member("old/", '\0');
    old_directory.dialect = TarDialect::v7;
    TarMember slash_file = member("odd/", '0');
    const auto read = read_all(TarBuilder()
                                   .directory("dir/")
                                   .symlink("link", "../target")
                                   .hard_link("hard", "dir/file")
                                   .add(device)
                                   .add(null)
                                   .add(member("pipe", '6'))
                                   .add(member("contiguous", '7'))
                                   .add(old_directory)
                                   .add(slash_file)
                                   .finish());
    REQUIRE(read.size() == 9);
    CHECK(read[0].entry.type == EntryType::directory);
    CHECK(read[1].entry.type == EntryType::symlink);
    CHECK(read[1].entry.link_target == "../target");
    CHECK(read[2].entry.type == EntryType::hard_link);
    CHECK(read[2].entry.link_target == "dir/file");
    CHECK(read[3].entry.type == EntryType::block_device);
    CHECK(read[3].entry.device_major == 8);
    CHECK(read[3].entry.device_minor == 0xfffff);
    CHECK(read[4].entry.type == EntryType::character_device);
    CHECK(read[5].entry.type == EntryType::fifo);
    CHECK(read[6].entry.type == EntryType::regular);
    CHECK(read[7].entry.type == EntryType::directory);
    // Only the oldest headers mean a directory by the slash.
    CHECK(read[8].entry.type == EntryType::regular);
    for (const char type : {'V', 'M', 'D', 'N', 'A', 'X', '8', 's', '\x1b'}) {
        CAPTURE(type);
        CHECK(failure_of(TarBuilder().add(member("x", type)).finish()) == ErrorKind::unsupported);
    }
}

TEST_CASE("long and odd names come through as raw bytes") {
    const std::string long_name = std::string(300, 'd') + "/" + std::string(250, 'f');
    const std::string odd = "caf\xe9/\xff\n\x01";
    for (const auto dialect : {TarDialect::gnu, TarDialect::pax}) {
        TarMember link = member(long_name, '2');
        link.link_target = "/" + long_name;
        link.dialect = dialect;
        TarMember strange = member(odd);
        strange.dialect = dialect;
        const auto read = read_all(TarBuilder().add(link).add(strange).finish(), 700);
        REQUIRE(read.size() == 2);
        CHECK(read[0].entry.path == long_name);
        CHECK(read[0].entry.link_target == "/" + long_name);
        CHECK(read[1].entry.path == odd);
    }
    std::string split = nau::test::tar_header(member("name"), 0);
    split.replace(345, 6, "a/long");
    nau::test::fix_checksum(split);
    CHECK(read_all(split)[0].entry.path == "a/long/name");
    // Go's writer once put a prefix into GNU headers.
    TarMember gnu = member("name");
    gnu.dialect = TarDialect::gnu;
    split = nau::test::tar_header(gnu, 0);
    split.replace(345, 6, "a/long");
    nau::test::fix_checksum(split);
    CHECK(read_all(split)[0].entry.path == "a/long/name");
}

TEST_CASE("pax records override the header, empty ones do not") {
    TarMember file = member("short");
    file.content = "abc";
    file.records = {{"path", "from/pax"},
                    {"uid", "4000000000"},
                    {"gid", "7"},
                    {"mtime", "-1.5"},
                    {"atime", "1700000000.123456789"},
                    {"size", "3"},
                    {"linkpath", ""},
                    {"SCHILY.xattr.user.a", "schily"},
                    {"SCHILY.xattr.security.capability", "\1\0\0\2\0"s},
                    {"LIBARCHIVE.xattr.user.a", "bGliYXJjaGl2ZQ"},
                    {"LIBARCHIVE.xattr.user.%62", "bGliYXJjaGl2ZQ"},
                    {"comment", "whatever"}};
    const auto read = read_all(TarBuilder().add(file).file("next", "x").finish());
    REQUIRE(read.size() == 2);
    const LayerEntry& entry = read[0].entry;
    CHECK(entry.path == "from/pax");
    CHECK(entry.uid == 4'000'000'000U);
    CHECK(entry.gid == 7);
    CHECK(entry.modified == Timestamp{-2, 500'000'000});
    CHECK(entry.accessed == Timestamp{1'700'000'000, 123'456'789});
    CHECK(read[0].content == "abc");
    CHECK(entry.xattrs ==
          std::map<std::string, std::string>{{"user.a", "schily"},
                                             {"user.b", "libarchive"},
                                             {"security.capability", "\1\0\0\2\0"s}});
    // Nothing is left over for the next member.
    CHECK(read[1].entry.path == "next");
    CHECK(read[1].entry.xattrs.empty());
    CHECK(read[1].entry.uid == 0);
}

TEST_CASE("a size in pax records counts, though the header holds another one") {
    TarMember file = member("a");
    file.content = "hello";
    file.claimed_size = 0;
    file.records = {{"size", "5"}};
    const auto read = read_all(TarBuilder().add(file).file("b", "x").finish());
    REQUIRE(read.size() == 2);
    CHECK(read[0].content == "hello");
    CHECK(read[1].entry.path == "b");
}

TEST_CASE("global headers are skipped and apply to nothing") {
    const std::string records = pax_record("path", "evil") + pax_record("uid", "4");
    TarMember global = member("pax_global_header", 'g');
    global.content = records;
    TarMember local = member("x", 'x');
    local.content = pax_record("path", "belongs-to-the-global-header");
    const auto read = read_all(TarBuilder().add(local).add(global).file("a", "x").finish());
    REQUIRE(read.size() == 1);
    CHECK(read[0].entry.path == "a");
    CHECK(read[0].entry.uid == 0);
}

TEST_CASE("only regular files have content, whatever size a header claims") {
    for (const char type : {'1', '2', '3', '4', '5', '6'}) {
        CAPTURE(type);
        TarMember odd = member("odd", type);
        odd.link_target = "target";
        odd.claimed_size = 1000;
        const auto read = read_all(TarBuilder().add(odd).file("next", "x").finish());
        REQUIRE(read.size() == 2);
        CHECK(read[0].entry.size == 0);
        CHECK(read[1].entry.path == "next");
    }
}

TEST_CASE("sparse files in all four forms") {
    const std::string data = std::string(512, 'A') + std::string(100, 'B');
    const uint64_t size = 100'000;
    const std::vector<SparseExtent> map = {{1024, 512}, {5000, 100}, {size, 0}};
    std::string expected(size, '\0');
    expected.replace(1024, 512, 512, 'A');
    expected.replace(5000, 100, 100, 'B');

    TarMember format00 = member("s");
    format00.content = data;
    format00.records = {{"GNU.sparse.size", "100000"},
                        {"GNU.sparse.numblocks", "3"},
                        {"GNU.sparse.offset", "1024"},
                        {"GNU.sparse.numbytes", "512"},
                        {"GNU.sparse.offset", "5000"},
                        {"GNU.sparse.numbytes", "100"},
                        {"GNU.sparse.offset", "100000"},
                        {"GNU.sparse.numbytes", "0"}};
    TarMember format01 = member("GNUSparseFile.1/s");
    format01.content = data;
    format01.records = {{"GNU.sparse.size", "100000"},
                        {"GNU.sparse.numblocks", "3"},
                        {"GNU.sparse.name", "s"},
                        {"GNU.sparse.map", "1024,512,5000,100,100000,0"}};
    TarMember format10 = member("GNUSparseFile.1/s");
    format10.content = nau::test::padded("3\n1024\n512\n5000\n100\n100000\n0\n") + data;
    format10.records = {{"GNU.sparse.major", "1"},
                        {"GNU.sparse.minor", "0"},
                        {"GNU.sparse.name", "s"},
                        {"GNU.sparse.realsize", "100000"}};

    TarMember old = member("s", 'S');
    old.dialect = TarDialect::gnu;
    std::string header = nau::test::tar_header(old, data.size());
    const auto put_entry = [](std::string& block, size_t at, uint64_t offset, uint64_t length) {
        block.replace(at, 12, fmt::format("{:011o}", offset) + "\0"s);
        block.replace(at + 12, 12, fmt::format("{:011o}", length) + "\0"s);
    };
    put_entry(header, 386, 1024, 512);
    put_entry(header, 410, 5000, 100);
    header[482] = 1;
    header.replace(483, 12, fmt::format("{:011o}", size) + "\0"s);
    nau::test::fix_checksum(header);
    std::string extension(512, '\0');
    put_entry(extension, 0, size, 0);

    const std::string tars[] = {TarBuilder().add(format00).file("next", "x").finish(),
                                TarBuilder().add(format01).file("next", "x").finish(),
                                TarBuilder().add(format10).file("next", "x").finish(),
                                TarBuilder()
                                    .raw(header)
                                    .raw(extension)
                                    .raw(nau::test::padded(data))
                                    .file("next", "x")
                                    .finish()};
    for (const auto& tar : tars) {
        CAPTURE(&tar - tars);
        for (const size_t step : {100U, 512U, 100'000U}) {
            const auto read = read_all(tar, step);
            REQUIRE(read.size() == 2);
            CHECK(read[0].entry.path == "s");
            CHECK(read[0].entry.size == size);
            CHECK(read[0].entry.sparse_map == map);
            CHECK(read[0].content == expected);
            CHECK(read[1].entry.path == "next");
        }
    }
}

TEST_CASE("a sparse file of holes only") {
    TarMember holes = member("s");
    holes.records = {{"GNU.sparse.major", "0"},
                     {"GNU.sparse.minor", "1"},
                     {"GNU.sparse.size", "1000"},
                     {"GNU.sparse.numblocks", "0"}};
    const auto read = read_all(TarBuilder().add(holes).finish());
    REQUIRE(read.size() == 1);
    CHECK(read[0].entry.sparse_map == std::vector<SparseExtent>{});
    CHECK(read[0].content == std::string(1000, '\0'));
}

TEST_CASE("impossible sparse maps are corrupt") {
    struct Row {
        const char* name;
        const char* size;
        const char* count;
        const char* map;
    };
    for (const auto& row : {Row{"overlap", "1000", "2", "0,2,1,1"},
                            Row{"backwards", "1000", "2", "5,1,1,2"},
                            Row{"beyond the end", "1000", "1", "998,3"},
                            Row{"overflow", "1000", "1", "9223372036854775807,3"},
                            Row{"less data than stored", "1000", "1", "0,2"},
                            Row{"more data than stored", "1000", "1", "0,4"},
                            Row{"wrong count", "1000", "2", "0,3"},
                            Row{"odd count", "1000", "1", "0,3,5"},
                            Row{"no number", "1000", "1", "0,x"},
                            Row{"negative", "1000", "1", "-1,3"},
                            Row{"huge", "9223372036854775807", "1", "0,3"}}) {
        CAPTURE(row.name);
        TarMember file = member("s");
        file.content = "abc";
        file.records = {{"GNU.sparse.size", row.size},
                        {"GNU.sparse.numblocks", row.count},
                        {"GNU.sparse.map", row.map}};
        CHECK(failure_of(TarBuilder().add(file).finish()) == ErrorKind::corrupt);
    }
    TarMember in_content = member("s");
    in_content.records = {
        {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "1000"}};
    for (const auto& map : {""s,
                            nau::test::padded("1\n"),
                            nau::test::padded("99999999999999999999\n"),
                            nau::test::padded("x\n0\n3\n"),
                            std::string(2'000'000, '1')}) {
        in_content.content = map;
        CHECK(failure_of(TarBuilder().add(in_content).finish()) == ErrorKind::corrupt);
    }
}

TEST_CASE("the archive ends at two blocks of zeros or with the stream") {
    const std::string one = TarBuilder().file("a", "x").bytes();
    const std::string zeros(512, '\0');
    CHECK(read_all("").empty());
    CHECK(read_all(zeros).empty());
    CHECK(read_all(zeros + zeros).empty());
    CHECK(read_all(one).size() == 1);
    CHECK(read_all(one + zeros).size() == 1);
    CHECK(read_all(one + zeros + zeros + "trailing garbage").size() == 1);
    CHECK(failure_of(one + zeros + one) == ErrorKind::corrupt);
}

TEST_CASE("a tar cut at any byte is corrupt, but between members") {
    TarMember file = member("a");
    file.content = std::string(700, 'x');
    file.records = {{"path", "b"}};
    const std::string tar = TarBuilder().file("first", "").add(file).bytes();
    for (size_t size = 1; size < tar.size(); ++size) {
        CAPTURE(size);
        // After the first member; after a pax header, which then describes nothing.
        const bool is_end = size == 512 || size == 512 + 1024;
        const std::string cut = tar.substr(0, size);
        if (is_end) {
            CHECK(read_all(cut).size() == 1);
        } else {
            CHECK(failure_of(cut) == ErrorKind::corrupt);
        }
    }
}

TEST_CASE("damaged headers are corrupt") {
    const auto tampered = [](size_t offset, const std::string& bytes) {
        std::string header = nau::test::tar_header(member("name", '3'), 0);
        header.replace(offset, bytes.size(), bytes);
        nau::test::fix_checksum(header);
        return header;
    };
    CHECK(read_all(tampered(0, "x")).size() == 1);
    const std::string bad[] = {tampered(100, "9"),
                               tampered(124, "x"),
                               tampered(124, "\xff\xff\xff\xff"s),
                               tampered(136, "z"),
                               tampered(0, "\0"s),
                               tampered(329, "0010000"),
                               tampered(337, "4000000"),
                               std::string(512, 'x')};
    for (const auto& header : bad) {
        CAPTURE(&header - bad);
        CHECK(failure_of(header) == ErrorKind::corrupt);
    }
}

TEST_CASE("ids that would wrap around are refused") {
    for (const char* id : {"-1",
                           "4294967295",
                           "4294967296",
                           "9223372036854775807",
                           "0x0",
                           "+1",
                           " 0",
                           "18446744073709551616"}) {
        CAPTURE(id);
        for (const char* key : {"uid", "gid"}) {
            TarMember file = member("a");
            file.records = {{key, id}};
            CHECK(failure_of(TarBuilder().add(file).finish()) == ErrorKind::corrupt);
        }
    }
    for (const int64_t id : {int64_t{-1}, int64_t{4294967295}, int64_t{1} << 32}) {
        TarMember file = member("a");
        file.uid = id;
        CHECK(failure_of(TarBuilder().add(file).finish()) == ErrorKind::corrupt);
    }
    TarMember file = member("a");
    file.uid = 4294967294;
    CHECK(read_all(TarBuilder().add(file).finish())[0].entry.uid == 4294967294U);
}

TEST_CASE("limits") {
    TarMember pax = member("x", 'x');
    pax.claimed_size = int64_t{1} << 30;
    CHECK(failure_of(TarBuilder().add(pax).finish()) == ErrorKind::corrupt);
    TarMember name = member("x", 'L');
    name.claimed_size = int64_t{8} << 30;
    CHECK(failure_of(TarBuilder().add(name).finish()) == ErrorKind::corrupt);

    CHECK(failure_of(TarBuilder().file(std::string(5000, 'a'), "").finish()) == ErrorKind::corrupt);
    CHECK(failure_of(TarBuilder().symlink("a", std::string(5000, 'a')).finish()) ==
          ErrorKind::corrupt);

    TarMember huge = member("huge");
    huge.claimed_size = INT64_MAX;
    CHECK(failure_of(TarBuilder().add(huge).finish()) == ErrorKind::corrupt);

    TarBuilder many;
    for (int i = 0; i < 100; ++i) {
        many.file("a", "");
    }
    CHECK(failure_of(many.finish(), {.max_headers = 99}) == ErrorKind::corrupt);
    CHECK(read_all(many.finish()).size() == 100);

    for (const auto& [key, value] : {std::pair{"SCHILY.xattr."s, "x"s},
                                     std::pair{"SCHILY.xattr.user." + std::string(256, 'a'), "x"s},
                                     std::pair{"SCHILY.xattr.user.a"s, std::string(65'537, 'x')},
                                     std::pair{"LIBARCHIVE.xattr.user.%00"s, "eA"s},
                                     std::pair{"LIBARCHIVE.xattr.user.a"s, "*"s}}) {
        const std::string& record = key;
        CAPTURE(record);
        TarMember file = member("a");
        file.records = {{key, value}};
        CHECK(failure_of(TarBuilder().add(file).finish()) == ErrorKind::corrupt);
    }
}

TEST_CASE("content that nobody reads is skipped, pieces outlive the reader") {
    const std::string tar = TarBuilder().file("a", std::string(5000, 'a')).file("b", "bb").finish();
    std::vector<nau::oci::ContentPiece> pieces;
    {
        TarReader reader(source_of(tar, 1000), {});
        REQUIRE(reader.next()->path == "a");
        pieces.push_back(*reader.next_content());
        REQUIRE(reader.next()->path == "b");
        pieces.push_back(*reader.next_content());
        CHECK_FALSE(reader.next_content().has_value());
        CHECK(reader.next() == nullptr);
        CHECK(reader.next() == nullptr);
    }
    CHECK(static_cast<char>(pieces[0].bytes[0]) == 'a');
    CHECK(static_cast<char>(pieces[1].bytes[1]) == 'b');
}
