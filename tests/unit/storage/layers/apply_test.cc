#include "storage/layers/apply.h"

#include <atomic>
#include <random>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "oci/digest.h"
#include "tests/support/compress.h"
#include "tests/support/tar_builder.h"
#include "tests/unit/storage/layers/layer_stack.h"

using nau::ErrorKind;
using nau::test::for_threads;
using nau::test::LayerStack;
using nau::test::TarBuilder;
using nau::test::TarMember;
using nau::test::TreeTimes;
using Lines = std::vector<std::string>;

namespace {

TarMember member(std::string path, char type = '0') {
    TarMember result;
    result.path = std::move(path);
    result.type = type;
    return result;
}

}  // namespace

TEST_CASE("a layer becomes the tree that it describes") {
    TarMember old = member("etc/old");
    old.modified = -1;
    LayerStack stack(TreeTimes::show);
    CHECK(stack.apply(TarBuilder()
                          .directory("./", 0750)
                          .directory("etc/")
                          .file("etc/passwd", "root", 0600)
                          .add(old)
                          .directory("tmp", 01777)
                          .directory("secret", 0500)
                          .file("secret/file", "x", 0400)
                          .file("bin/su", "elf", 04755)
                          .symlink("bin/sh", "../etc/passwd")
                          .hard_link("bin/passwd", "etc/passwd")
                          .add(member("run/pipe", '6'))
                          .finish()) == Lines{"./ 750 @1700000000",
                                              "bin/ 755 @0",
                                              "bin/passwd 600 root @1700000000",
                                              "bin/sh -> ../etc/passwd @1700000000",
                                              "bin/su 4755 elf @1700000000",
                                              "etc/ 755 @1700000000",
                                              "etc/old 644  @-1",
                                              "etc/passwd = bin/passwd",
                                              "run/ 755 @0",
                                              "run/pipe fifo 644 @1700000000",
                                              "secret/ 500 @1700000000",
                                              "secret/file 400 x @1700000000",
                                              "tmp/ 1777 @1700000000"});
    CHECK(stack.result().entries == 11);
    CHECK(stack.result().inodes == 11 - 1 + 2);  // the link is none, two parents are implicit
    CHECK(stack.result().file_bytes == 4 + 1 + 3);
}

TEST_CASE("modes are exact whatever the umask is, also those of the sort that chown clears") {
    const mode_t before = umask(0077);
    LayerStack stack;
    CHECK(stack.apply(TarBuilder()
                          .directory("a", 02775)
                          .file("a/b", "", 0666)
                          .file("a/c", "", 06777)
                          .directory("a/d", 0777)
                          .add(member("a/p", '6'))
                          .finish()) ==
          Lines{"./ 755", "a/ 2775", "a/b 666 ", "a/c 6777 ", "a/d/ 777", "a/p fifo 644"});
    CHECK(umask(before) == 0077);
}

TEST_CASE("no permissions at all are a mode too") {
    LayerStack stack;
    const std::string tar = TarBuilder().directory("d", 0).file("d/f", "x", 0).finish();
    for (const auto& layer : {tar, for_threads(tar)}) {
        nau::test::TempDir target;
        const auto fd = nau::sys::open(target.path(), O_PATH | O_DIRECTORY);
        (void)nau::storage::apply_layer(nau::test::source_of(layer),
                                        nau::oci::Compression::none,
                                        fd.get(),
                                        LayerStack::default_options());
        CHECK((nau::sys::stat(target.file("d")).st_mode & 07777) == 0);
        nau::sys::chmod(target.file("d"), 0700);
        CHECK((nau::sys::stat(target.file("d/f")).st_mode & 07777) == 0);
    }
}

TEST_CASE("the result names bytes and compression") {
    const std::string tar = TarBuilder().file("a", std::string(3'000'000, 'x')).finish();
    const auto digest = nau::oci::digest_of(tar);
    for (const auto& blob : {tar, nau::test::gzip(tar), nau::test::zstd(tar)}) {
        LayerStack stack;
        stack.apply_once(blob);
        const auto& result = stack.result();
        CHECK(result.diff_id.digest() == digest);
        CHECK(result.unpacked_bytes == tar.size());
        CHECK(result.compressed_bytes == blob.size());
        CHECK(result.file_bytes == 3'000'000);
        const bool is_plain = blob.size() == tar.size();
        CHECK((result.compression == nau::oci::Compression::none) == is_plain);
    }
}

TEST_CASE("an empty layer is a layer") {
    LayerStack stack;
    for (const size_t size : {0U, 512U, 1024U, 10240U}) {
        CHECK(stack.apply(std::string(size, '\0')) == Lines{"./ 755"});
    }
}

TEST_CASE("content comes through whole, in files of every size, in all compressions") {
    std::mt19937 random(5);
    TarBuilder builder;
    std::vector<std::pair<std::string, std::string>> files;
    size_t total = 0;
    for (int i = 0; total < size_t{12} << 20; ++i) {
        const size_t size = random() % (i % 50 == 0 ? 3'000'000 : 4000);
        std::string content(size, '\0');
        for (size_t k = 0; k < size; k += 7) {
            content[k] = static_cast<char>(random());
        }
        files.emplace_back(fmt::format("d{}/f{}", i % 40, i), content);
        builder.file(files.back().first, content);
        total += size;
    }
    const std::string tar = builder.finish();
    for (const auto& blob : {tar, nau::test::gzip(tar, 1), nau::test::zstd(tar, 1)}) {
        for (const unsigned writers : {1U, 4U}) {
            LayerStack stack;
            stack.options().max_writers = writers;
            stack.apply_once(blob);
            size_t different = 0;
            for (const auto& [path, content] : files) {
                const auto file = stack.path(0) + "/" + path;
                different += nau::sys::read_file(file, size_t{4} << 20) == content ? 0U : 1U;
            }
            CHECK(different == 0);
        }
    }
}

TEST_CASE("sparse files keep their holes") {
    TarMember sparse = member("sparse");
    sparse.content = std::string(4096, 'x');
    sparse.records = {{"GNU.sparse.size", "100000000"},
                      {"GNU.sparse.numblocks", "1"},
                      {"GNU.sparse.map", "50000000,4096"}};
    LayerStack stack;
    CHECK(stack.apply(TarBuilder().add(sparse).finish()) ==
          Lines{"./ 755", "sparse 644 <100000000 bytes>"});
    const auto status = nau::sys::stat(stack.path(0) + "/sparse");
    CHECK(status.st_blocks * 512 < 1'000'000);
    const auto file = nau::sys::open(stack.path(0) + "/sparse", O_RDONLY);
    char byte = 0;
    CHECK(pread(file.get(), &byte, 1, 50'004'095) == 1);
    CHECK(byte == 'x');
    CHECK(pread(file.get(), &byte, 1, 50'004'096) == 1);
    CHECK(byte == '\0');
}

TEST_CASE("times have nanoseconds, and a directory keeps its own in spite of what comes into it") {
    TarMember directory = member("d/", '5');
    directory.mode = 0755;
    directory.records = {{"mtime", "1234567890.123456789"}, {"atime", "1111111111.5"}};
    TarMember link = member("d/link", '2');
    link.link_target = "nowhere";
    link.records = {{"mtime", "-5.25"}};
    nau::test::TempDir target;  // not listed: that would change the time of access
    const auto fd = nau::sys::open(target.path(), O_PATH | O_DIRECTORY);
    const std::string tar = TarBuilder().add(directory).file("d/a", "").add(link).finish();
    (void)nau::storage::apply_layer(nau::test::source_of(tar),
                                    nau::oci::Compression::none,
                                    fd.get(),
                                    LayerStack::default_options());
    const auto status = nau::sys::stat(target.file("d"));
    CHECK(status.st_mtim.tv_sec == 1'234'567'890);
    CHECK(status.st_mtim.tv_nsec == 123'456'789);
    CHECK(status.st_atim.tv_sec == 1'111'111'111);
    CHECK(status.st_atim.tv_nsec == 500'000'000);
    const auto link_status = nau::sys::lstat(target.file("d/link"));
    CHECK(link_status.st_mtim.tv_sec == -6);
    CHECK(link_status.st_mtim.tv_nsec == 750'000'000);
}

TEST_CASE("extended attributes by policy") {
    TarMember file = member("a");
    file.records = {{"SCHILY.xattr.user.x", "1"},
                    {"SCHILY.xattr.user.overlay.opaque", "y"},
                    {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                    {"SCHILY.xattr.trusted.other", "1"},
                    {"SCHILY.xattr.security.selinux", "u:r:t"}};
    TarMember directory = file;
    directory.path = "d/";
    directory.type = '5';
    TarMember link = file;
    link.path = "l";
    link.type = '2';
    link.link_target = "a";
    LayerStack stack;
    CHECK(stack.apply(TarBuilder().add(file).add(directory).add(link).finish()) ==
          Lines{"./ 755", "a 644  user.x=1", "d/ 644 user.x=1", "l -> a"});
}

TEST_CASE("non-UTF-8, long and odd names") {
    const std::string odd = "caf\xe9\n\x01";
    const std::string long_name(255, 'n');
    const std::string long_path = long_name + "/" + long_name + "/" + long_name;
    LayerStack stack;
    CHECK(stack.apply(TarBuilder()
                          .file(odd, "1")
                          .file(long_path, "2")
                          .symlink(long_name + "/l", std::string(4000, 't'))
                          .finish()) == Lines{"./ 755",
                                              odd + " 644 1",
                                              long_name + "/ 755",
                                              long_name + "/l -> " + std::string(4000, 't'),
                                              long_name + "/" + long_name + "/ 755",
                                              long_path + " 644 2"});
}

TEST_CASE("a name that comes twice: the later one counts") {
    struct Row {
        const char* name;
        TarBuilder tar;
        Lines tree;
    };
    const auto builder = [] { return TarBuilder(); };
    const Row rows[] = {
        {"file by file", builder().file("a", "1").file("a", "2"), {"a 644 2"}},
        {"file by file, linked before",
         builder().file("a", "1").hard_link("b", "a").file("a", "2"),
         {"a 644 2", "b 644 1"}},
        {"link chain, then replaced",
         builder().file("a", "1").hard_link("b", "a").hard_link("c", "b").file("b", "2"),
         {"a 644 1", "b 644 2", "c = a"}},
        {"hard link by hard link",
         builder().file("a", "1").file("b", "2").hard_link("c", "a").hard_link("c", "b"),
         {"a 644 1", "b 644 2", "c = b"}},
        {"file by directory",
         builder().file("a", "1").directory("a", 0700).file("a/b", "2"),
         {"a/ 700", "a/b 644 2"}},
        {"directory by file",
         builder().directory("a").file("a/b", "1").directory("a/c").file("a", "2"),
         {"a 644 2"}},
        {"directory by link",
         builder().directory("a").file("a/b", "1").directory("c").symlink("a", "c"),
         {"a -> c", "c/ 755"}},
        {"link by directory",
         builder().directory("c").symlink("a", "c").directory("a").file("a/b", "1"),
         {"a/ 755", "a/b 644 1", "c/ 755"}},
        {"link by file, not through it",
         builder().file("c", "1").symlink("a", "c").file("a", "2"),
         {"a 644 2", "c 644 1"}},
        {"directory by directory keeps what is in it",
         builder().directory("a", 0700).file("a/b", "1").directory("a", 0750),
         {"a/ 750", "a/b 644 1"}},
        {"directory, file, directory again is empty",
         builder().directory("a").file("a/b", "1").file("a", "").directory("a"),
         {"a/ 755"}},
        {"fifo by file", builder().add(member("a", '6')).file("a", "1"), {"a 644 1"}},
        {"children of a removed directory do not come back",
         builder()
             .directory("a")
             .directory("a/b")
             .file("a/b/c", "1")
             .file("a", "")
             .file("a/b/c/../../../x", "2"),
         {"a 644 ", "x 644 2"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        LayerStack stack;
        Lines expected = row.tree;
        expected.insert(expected.begin(), "./ 755");
        CHECK(stack.apply(row.tar.finish()) == expected);
    }
}

TEST_CASE("links inside the layer are followed as directories, within the tree") {
    struct Row {
        const char* name;
        TarBuilder tar;
        Lines tree;
    };
    const auto builder = [] { return TarBuilder(); };
    const Row rows[] = {
        {"relative",
         builder().directory("usr/lib").symlink("lib", "usr/lib").file("lib/x", "1"),
         {"lib -> usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1"}},
        {"absolute",
         builder().directory("usr/lib").symlink("lib", "/usr/lib").file("lib/x", "1"),
         {"lib -> /usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1"}},
        {"dangling, its target is made",
         builder().symlink("lib", "usr/lib").file("lib/x", "1"),
         {"lib -> usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1"}},
        {"chain",
         builder().symlink("a", "b").symlink("b", "c/../d").file("a/x", "1"),
         {"a -> b", "b -> c/../d", "d/ 755", "d/x 644 1"}},
        {"to the root", builder().symlink("a", "/").file("a/x", "1"), {"a -> /", "x 644 1"}},
        {"the same path, before and after the link was replaced",
         builder()
             .directory("b")
             .symlink("a", "b")
             .file("a/x", "1")
             .directory("a")
             .file("a/x", "2"),
         {"a/ 755", "a/x 644 2", "b/ 755", "b/x 644 1"}},
        {"two names of one place",
         builder().directory("b").symlink("a", "b").file("a/x", "1").file("b/x", "2"),
         {"a -> b", "b/ 755", "b/x 644 2"}},
        {"hard link through a link",
         builder().file("b/x", "1").symlink("a", "b").hard_link("y", "a/x"),
         {"a -> b", "b/ 755", "b/x 644 1", "y = b/x"}},
        {"hard link to a link is a link",
         builder().symlink("a", "nowhere").hard_link("b", "a"),
         {"a -> nowhere", "b = a"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        LayerStack stack;
        Lines expected = row.tree;
        expected.insert(expected.begin(), "./ 755");
        CHECK(stack.apply(row.tar.finish()) == expected);
    }
}

TEST_CASE("many hard links and many directories at once") {
    TarBuilder builder;
    for (int i = 0; i < 300; ++i) {
        builder.file(fmt::format("d{}/e/f", i), "x");
        builder.hard_link(fmt::format("links/{}", i), fmt::format("d{}/e/f", i));
        builder.hard_link(fmt::format("d{}/again", i), fmt::format("links/{}", i));
    }
    LayerStack stack;
    const auto tree = stack.apply(builder.finish());
    CHECK(tree.size() == 1 + 300 * 5 + 1);
    CHECK(nau::sys::stat(stack.path(0) + "/links/299").st_nlink == 3);
}

TEST_CASE("whiteouts in the lowest layer hide nothing and leave nothing") {
    LayerStack stack;
    CHECK(stack.apply(TarBuilder()
                          .empty(".wh.gone")
                          .directory("a")
                          .empty("a/.wh..wh..opq")
                          .empty(".wh..wh.plnk")
                          .file(".wh..wh.plnk/1.2", "x")
                          .finish()) == Lines{"./ 755", "a/ 755"});
}

TEST_CASE("the source may block, and is woken when unpacking fails or is stopped") {
    // The beginning of a layer, then nothing until somebody aborts.
    const std::string begin = TarBuilder().file("a", std::string(size_t{5} << 20, 'x')).bytes();
    const auto run = [&](std::string bytes, std::stop_source stop, bool stops_itself) {
        std::atomic<bool> is_aborted = false;
        nau::test::TempDir directory;
        const auto fd = nau::sys::open(directory.path(), O_PATH | O_DIRECTORY);
        auto options = LayerStack::default_options();
        options.stop = stop.get_token();
        options.abort_source = [&] {
            is_aborted = true;
            is_aborted.notify_all();
        };
        const auto all = nau::test::source_of(std::move(bytes), 100'000);
        const auto source = [&](std::span<std::byte> buffer) -> size_t {
            const size_t size = all(buffer);
            if (size > 0) {
                return size;
            }
            if (stops_itself) {
                stop.request_stop();
            }
            is_aborted.wait(false);
            throw nau::Error(ErrorKind::unavailable, "aborted");
        };
        try {
            (void)nau::storage::apply_layer(source, nau::oci::Compression::none, fd.get(), options);
        } catch (const nau::Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    };
    CHECK(run(begin, std::stop_source(), true) == ErrorKind::interrupted);
    const std::string damaged = begin + std::string(size_t{2} << 20, 'x');
    CHECK(run(damaged, std::stop_source(), false) == ErrorKind::corrupt);
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(run(begin, stopped, false) == ErrorKind::interrupted);
}

TEST_CASE("what the source throws comes through, early and late") {
    for (const size_t size : {size_t{0}, size_t{100}, size_t{4} << 20}) {
        const std::string tar = TarBuilder().file("a", std::string(size_t{5} << 20, 'x')).bytes();
        const auto all = nau::test::source_of(tar.substr(0, size));
        nau::test::TempDir directory;
        const auto fd = nau::sys::open(directory.path(), O_PATH | O_DIRECTORY);
        const auto source = [&](std::span<std::byte> buffer) -> size_t {
            const size_t read = all(buffer);
            if (read == 0) {
                throw nau::Error(ErrorKind::timed_out, "network");
            }
            return read;
        };
        CHECK_THROWS_WITH_AS(
            (void)nau::storage::apply_layer(
                source, nau::oci::Compression::none, fd.get(), LayerStack::default_options()),
            "network",
            nau::Error);
    }
}
