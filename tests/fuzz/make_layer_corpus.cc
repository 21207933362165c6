// Writes the corpora of tar_reader and decompress anew: make-layer-corpus tests/fuzz/corpus

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/compress.h"
#include "tests/support/tar_builder.h"

namespace {

using nau::test::TarBuilder;
using nau::test::TarDialect;
using nau::test::TarMember;

void write(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
}

TarMember member(std::string path, char type, TarDialect dialect) {
    TarMember result;
    result.path = std::move(path);
    result.type = type;
    result.dialect = dialect;
    return result;
}

std::string all_types(TarDialect dialect) {
    TarBuilder tar;
    for (const char type : {'5', '0', '1', '2', '3', '4', '6', '7'}) {
        TarMember each = member(std::string("d/") + type, type, dialect);
        each.link_target = "d/0";
        each.content = type == '0' || type == '7' ? "content" : "";
        tar.add(each);
    }
    return tar.bytes();
}

std::string long_names(TarDialect dialect) {
    TarMember link = member(std::string(150, 'n'), '2', dialect);
    link.link_target = std::string(150, 't');
    return TarBuilder().add(link).bytes();
}

std::string with_records(std::vector<std::pair<std::string, std::string>> records,
                         std::string content = "") {
    TarMember file = member("f", '0', TarDialect::pax);
    file.records = std::move(records);
    file.content = std::move(content);
    return TarBuilder().add(file).bytes();
}

void write_tars(const std::filesystem::path& directory) {
    write(directory / "v7", all_types(TarDialect::v7));
    write(directory / "ustar", all_types(TarDialect::ustar));
    write(directory / "gnu", all_types(TarDialect::gnu));
    write(directory / "gnu-long", long_names(TarDialect::gnu));
    write(directory / "pax-long", long_names(TarDialect::pax));
    write(directory / "end", TarBuilder().file("a", "x").finish());
    write(
        directory / "pax-fields",
        with_records({{"mtime", "-1.5"}, {"atime", "1.1"}, {"uid", "70000"}, {"size", "1"}}, "x"));
    write(directory / "xattrs",
          with_records({{"SCHILY.xattr.user.a", "1"}, {"LIBARCHIVE.xattr.user.%62", "AQID"}}));
    write(directory / "sparse-0.0",
          with_records({{"GNU.sparse.size", "1000"},
                        {"GNU.sparse.numblocks", "1"},
                        {"GNU.sparse.offset", "5"},
                        {"GNU.sparse.numbytes", "3"}},
                       "abc"));
    write(
        directory / "sparse-0.1",
        with_records(
            {{"GNU.sparse.size", "1000"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "5,3"}},
            "abc"));
    write(directory / "sparse-1.0",
          with_records({{"GNU.sparse.major", "1"},
                        {"GNU.sparse.minor", "0"},
                        {"GNU.sparse.name", "s"},
                        {"GNU.sparse.realsize", "1000"}},
                       nau::test::padded("1\n5\n3\n") + "abc"));
    std::string old = nau::test::tar_header(member("s", 'S', TarDialect::gnu), 3);
    old.replace(386,
                24,
                std::string("00000000005\0"
                            "00000000003\0",
                            24));
    old[482] = 1;
    old.replace(483, 12, std::string("00000001750\0", 12));
    nau::test::fix_checksum(old);
    write(directory / "sparse-gnu", old + std::string(512, '\0') + nau::test::padded("abc"));
    TarMember global = member("g", 'g', TarDialect::pax);
    global.content = nau::test::pax_record("comment", "x");
    write(directory / "global", TarBuilder().add(global).file("a", "").bytes());
}

void write_streams(const std::filesystem::path& directory) {
    const std::string text = TarBuilder().file("a", "aaaaaaaaaaaaaaaaaaaaaaaab").bytes();
    write(directory / "plain", text);
    write(directory / "gzip", nau::test::gzip(text));
    write(directory / "gzip-stored", nau::test::gzip(text.substr(0, 100), 0));
    write(directory / "gzip-members", nau::test::gzip("a") + nau::test::gzip("b"));
    write(directory / "gzip-garbage", nau::test::gzip("a") + "garbage");
    std::string named = nau::test::gzip("a");
    named[3] = 0x1f;  // all optional fields follow
    write(directory / "gzip-fields",
          named.substr(0, 10) +
              std::string("\2\0ab"
                          "name\0"
                          "comment\0"
                          "\0\0",
                          19) +
              named.substr(10));
    write(directory / "zstd", nau::test::zstd(text));
    write(directory / "zstd-frames",
          nau::test::zstd("a") + nau::test::zstd_skippable_frame("x") + nau::test::zstd("b"));
    write(directory / "zstd-window", nau::test::zstd("abc", 3, 20));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: make-layer-corpus DIRECTORY\n");
        return 2;
    }
    write_tars(std::filesystem::path(argv[1]) / "tar_reader");
    write_streams(std::filesystem::path(argv[1]) / "decompress");
    return 0;
}
