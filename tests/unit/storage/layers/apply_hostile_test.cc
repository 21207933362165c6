// Layers made to harm: nothing outside the target is ever made, changed, linked or removed.
// SECURITY-CASES 52 to 54.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/compress.h"
#include "tests/support/tar_builder.h"
#include "tests/unit/storage/layers/layer_stack.h"

using nau::ErrorKind;
using nau::test::LayerStack;
using nau::test::TarBuilder;
using nau::test::TarMember;
using nau::test::TempDir;
using nau::test::TreeTimes;
using Lines = std::vector<std::string>;

namespace {

TarBuilder builder() {
    return TarBuilder();
}

TarMember member(std::string path, char type = '0') {
    TarMember result;
    result.path = std::move(path);
    result.type = type;
    return result;
}

/// A directory beside the target with a file in it, which must stay as they are.
class Bystander {
  public:
    Bystander() {
        nau::sys::mkdir(directory_.file("target"), 0700);
        nau::sys::mkdir(directory_.file("victim"), 0755);
        nau::sys::write_file_atomic(
            directory_.file("victim/file"), "intact", 0600, nau::sys::Durability::relaxed);
        before_ = nau::test::tree_text(directory_.file("victim"), TreeTimes::show);
    }

    std::string victim() const { return directory_.file("victim"); }

    /// Applies and forgives any Error.
    std::string try_apply(const std::string& tar) {
        const auto fd = nau::sys::open(directory_.file("target"), O_PATH | O_DIRECTORY);
        try {
            (void)nau::storage::apply_layer(nau::test::source_of(tar),
                                            nau::oci::Compression::none,
                                            fd.get(),
                                            LayerStack::default_options());
        } catch (const nau::Error& error) {
            return error.text();
        }
        return "";
    }

    bool is_intact() const {
        const auto names = nau::sys::list_directory(directory_.path());
        return names.size() == 2 &&
               nau::test::tree_text(directory_.file("victim"), TreeTimes::show) == before_;
    }

  private:
    TempDir directory_;
    Lines before_;
};

}  // namespace

TEST_CASE("no path leads out of the target") {
    for (const bool is_threaded : {false, true}) {
        Bystander outside;
        const std::string victim = outside.victim();
        const TarBuilder tars[] = {
            builder().file("../victim/file", "evil"),
            builder().file("a/../../victim/file", "evil"),
            builder().file(victim + "/file", "evil"),
            builder().symlink("l", "../victim").file("l/file", "evil"),
            builder().symlink("l", victim).file("l/file", "evil"),
            builder().symlink("l", victim).directory("l/", 0777),
            builder().symlink("l", victim + "/file").file("l", "evil"),
            builder().symlink("l", "/").file("l" + victim + "/file", "evil"),
            builder().symlink("l", victim).empty("l/.wh.file"),
            builder().symlink("l", victim).empty("l/.wh..wh..opq"),
            builder().hard_link("h", "../victim/file").file("h", "evil"),
            builder().hard_link("h", victim + "/file"),
            builder().symlink("l", victim).hard_link("h", "l/file"),
            builder().symlink("l", victim + "/file").hard_link("h", "l").file("h", "evil", 04777),
            builder().symlink("a", "b").symlink("b", "../victim").file("a/file", "evil"),
            builder().directory("d").symlink("d/l", "../../victim").file("d/l/file", "evil"),
            builder().directory("d").symlink("d", victim).file("d/file", "evil"),
            builder().directory("d").file("d/x", "").symlink("d", victim).directory("d/", 0777),
            builder().symlink("d", victim).add(member("d/fifo", '6')),
            builder().symlink("d", victim).symlink("d/s", "x"),
            builder().empty(".wh..."),
            builder().empty(".wh../x"),
            builder().empty("a/.wh..."),
            builder().symlink(".wh.l", victim).file(".wh.l/file", "evil"),
            builder().symlink(".", victim).file("file", "evil"),
            builder().symlink("/", victim).file("file", "evil"),
            builder().hard_link("..", victim),
            builder().symlink("l", "/proc/self/cwd").file("l/evil", ""),
            builder().symlink("l", "/proc/self/root" + victim).file("l/file", "evil"),
        };
        for (const auto& tar : tars) {
            CAPTURE(&tar - tars);
            Bystander own;
            (void)own.try_apply(is_threaded ? nau::test::for_threads(tar.finish()) : tar.finish());
            CHECK(own.is_intact());
            (void)outside.try_apply(tar.finish());
            CHECK(outside.is_intact());
        }
    }
}

TEST_CASE("layers that mean nothing sensible are corrupt") {
    struct Row {
        const char* name;
        TarBuilder tar;
        const char* text;  ///< in the message
    };
    const Row rows[] = {
        {"root as a link", builder().symlink("./", "/etc"), "root"},
        {"root as a file", builder().file("/", "x"), "root"},
        {"whiteout of nothing", builder().empty(".wh."), ".wh.: whiteout of nothing"},
        {"whiteout of the parent", builder().empty("a/.wh..."), "whiteout of nothing"},
        {"whiteout as a directory", builder().file("a/.wh.b/c", "x"), "used as a directory"},
        {"file as a directory",
         builder().file("a", "x").file("a/b", "y"),
         "'a' is not a directory"},
        {"link to a file as a directory",
         builder().file("a", "x").symlink("l", "a").file("l/b", "y"),
         "'a' is not a directory"},
        {"links in a circle",
         builder().symlink("a", "b").symlink("b", "a").file("a/x", ""),
         "links"},
        {"link to itself", builder().symlink("a", "a").file("a/x", ""), "links"},
        {"hard link to itself", builder().file("a", "x").hard_link("a", "./a"), "itself"},
        {"hard link to nothing", builder().hard_link("a", "b"), "'b', which does not exist"},
        {"hard link to what comes later", builder().hard_link("a", "b").file("b", "x"), "'b'"},
        {"hard link without a name", builder().hard_link("a", "./"), "nothing"},
        {"hard link to a directory", builder().directory("d").hard_link("a", "d"), "directory"},
        {"symbolic link without a target", builder().symlink("a", ""), "without a target"},
        {"control characters are not printed raw",
         builder().hard_link("a\x1b[2J", "b\n"),
         "a\\x1b[2J: hard link to 'b\\x0a'"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        LayerStack stack;
        CHECK(stack.failure(row.tar.finish()) == ErrorKind::corrupt);
        CAPTURE(stack.last_error());
        CHECK(stack.last_error().find(row.text) != std::string::npos);
    }
}

TEST_CASE("a link to a whited-out name does not bring it back") {
    LayerStack stack;
    (void)stack.apply(builder().file("a", "1").finish());
    CHECK(stack.failure(builder().empty(".wh.a").hard_link("b", "a").finish()) ==
          ErrorKind::corrupt);
}

TEST_CASE("limits") {
    SUBCASE("entries") {
        LayerStack stack;
        stack.options().limits.max_entries = 10;
        TarBuilder tar;
        for (int i = 0; i < 10; ++i) {
            tar.file("a", "");
        }
        (void)stack.apply(tar.finish());
        CHECK(stack.failure(tar.file("b", "").finish()) == ErrorKind::corrupt);
    }
    SUBCASE("directories, also those that are only implied") {
        LayerStack stack;
        stack.options().limits.max_directories = 10;
        CHECK(stack.failure(builder().file("1/2/3/4/5/6/7/8/9/10/x", "").finish()) ==
              ErrorKind::corrupt);
    }
    SUBCASE("depth") {
        std::string path;
        for (int i = 0; i < 600; ++i) {
            path += "d/";
        }
        LayerStack stack;
        CHECK(stack.failure(builder().file(path + "x", "").finish()) == ErrorKind::corrupt);
    }
    SUBCASE("a file that is apparently larger than anything") {
        TarMember sparse = member("s");
        sparse.records = {{"GNU.sparse.major", "0"},
                          {"GNU.sparse.minor", "1"},
                          {"GNU.sparse.size", "9223372036854775807"},
                          {"GNU.sparse.numblocks", "0"}};
        LayerStack stack;
        CHECK(stack.failure(builder().add(sparse).finish()) == ErrorKind::corrupt);
    }
    SUBCASE("a gzip bomb") {
        LayerStack stack;
        stack.options().limits.decompress.ratio_grace_bytes = size_t{8} << 20;
        const std::string bomb = nau::test::gzip(
            builder().file("zeros", std::string(size_t{64} << 20, '\0')).finish(), 9);
        CHECK_THROWS_AS((void)stack.apply_once(bomb), nau::Error);
    }
    SUBCASE("a name longer than the file system allows") {
        LayerStack stack;
        CHECK(stack.failure(builder().file(std::string(300, 'n'), "").finish()) ==
              ErrorKind::invalid);
    }
}

TEST_CASE("a layer cut at any place ends, and says that it is damaged") {
    TarBuilder builder;
    for (int i = 0; i < 40; ++i) {
        builder.file(fmt::format("d{}/f", i % 3), std::string(static_cast<size_t>(i * 37), 'x'));
    }
    const std::string tar = builder.finish();
    for (const auto& blob : {nau::test::gzip(tar), nau::test::zstd(tar)}) {
        for (size_t size = 0; size < blob.size(); size += 41) {
            LayerStack stack;
            CAPTURE(size);
            // Not even the magic of gzip: an incomplete tar.
            CHECK_THROWS_AS((void)stack.apply_once(size == 0 ? "x" : blob.substr(0, size)),
                            nau::Error);
        }
    }
}
