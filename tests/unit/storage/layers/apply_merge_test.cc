// Layers on top of each other: what only the lower layers know.

#include <string>
#include <sys/xattr.h>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/tar_builder.h"
#include "tests/unit/storage/layers/layer_stack.h"

using nau::ErrorKind;
using nau::test::LayerStack;
using nau::test::TarBuilder;
using nau::test::TarMember;
using nau::test::TreeTimes;
using Lines = std::vector<std::string>;

namespace {

TarBuilder builder() {
    return TarBuilder();
}

}  // namespace

TEST_CASE("a layer above another one, in overlayfs' form") {
    struct Row {
        const char* name;
        TarBuilder lower;
        TarBuilder upper;
        Lines tree;  ///< of the upper layer
    };
    const Row rows[] = {
        {"whiteout of a file",
         builder().file("a/b", "1"),
         builder().empty("a/.wh.b"),
         {"a/ 755", "a/b whiteout"}},
        {"whiteout of something that never was",
         builder().file("a", "1"),
         builder().empty(".wh.b").empty("c/.wh.d"),
         {}},
        {"whiteouts where nothing of the lower layers shows anyway",
         builder().file("a/b", "1").file("c/d", "2").file("e/f/g", "3"),
         builder()
             .empty("a/.wh.b")
             .empty("a/.wh..wh..opq")
             .empty(".wh.c")
             .empty("c/.wh.d")
             .file("c/x", "4")
             .empty("e/f/.wh.g")
             .empty("e/.wh.f")
             .file("e/f/y", "5"),
         {"a/ 755 opaque",
          "c/ 755 opaque",
          "c/x 644 4",
          "e/ 755",
          "e/f/ 755 opaque",
          "e/f/y 644 5"}},
        {"whiteout that is no regular file",
         builder().file("a", "1"),
         builder().directory(".wh.a"),
         {"a whiteout"}},
        {"opaque directory",
         builder().file("a/b", "1"),
         builder().directory("a", 0700).empty("a/.wh..wh..opq").file("a/c", "2"),
         {"a/ 700 opaque", "a/c 644 2"}},
        {"opaque marker after the children",
         builder().file("a/b", "1"),
         builder().file("a/c", "2").empty("a/.wh..wh..opq"),
         {"a/ 755 opaque", "a/c 644 2"}},
        {"whiteout before the same name",
         builder().file("a", "1"),
         builder().empty(".wh.a").file("a", "2"),
         {"a 644 2"}},
        {"whiteout after the same name",
         builder().file("a", "1"),
         builder().file("a", "2").empty(".wh.a"),
         {"a 644 2"}},
        {"whiteout before the same directory",
         builder().file("a/b", "1"),
         builder().empty(".wh.a").directory("a").file("a/c", "2"),
         {"a/ 755 opaque", "a/c 644 2"}},
        {"whiteout before the same directory, which is not mentioned",
         builder().file("a/b", "1"),
         builder().empty(".wh.a").file("a/c", "2"),
         {"a/ 755 opaque", "a/c 644 2"}},
        {"whiteout after the same directory",
         builder().file("a/b", "1"),
         builder().directory("a").file("a/c", "2").empty(".wh.a"),
         {"a/ 755 opaque", "a/c 644 2"}},
        {"whiteout twice",
         builder().file("a", "1"),
         builder().empty(".wh.a").empty(".wh.a"),
         {"a whiteout"}},
        {"a directory that was a file for a moment hides the lower one",
         builder().file("a/b", "1"),
         builder().file("a", "").directory("a"),
         {"a/ 755 opaque"}},
        {"file over directory and directory over file",
         builder().file("a/b", "1").file("c", "2"),
         builder().file("a", "3").directory("c"),
         {"a 644 3", "c/ 755"}},
        {"directory over link",
         builder().directory("b").symlink("a", "b"),
         builder().directory("a").file("a/x", "1"),
         {"a/ 755", "a/x 644 1"}},
        {"through a link of the lower layer",
         builder().directory("usr/lib", 0750).symlink("lib", "usr/lib"),
         builder().file("lib/x", "1"),
         {"usr/ 755", "usr/lib/ 750", "usr/lib/x 644 1"}},
        {"through an absolute link that leads out of the host's tree",
         builder().symlink("lib", "/../../../../../../tmp"),
         builder().file("lib/x", "1"),
         {"tmp/ 755", "tmp/x 644 1"}},
        {"not through a link that this layer removes",
         builder().directory("usr/lib").symlink("lib", "usr/lib"),
         builder().empty(".wh.lib").file("lib/x", "1"),
         {"lib/ 755 opaque", "lib/x 644 1"}},
        {"a parent that the layer does not mention",
         builder().directory("a", 01777).directory("a/b", 0700),
         builder().file("a/b/c", "1"),
         {"a/ 1777", "a/b/ 700", "a/b/c 644 1"}},
        {"a parent mentioned later",
         builder().directory("a", 01777),
         builder().file("a/c", "1").directory("a", 0711),
         {"a/ 711", "a/c 644 1"}},
        {"a parent that is a file below",
         builder().file("a", "1"),
         builder().file("a/c", "1"),
         {"a/ 755", "a/c 644 1"}},
        {"hard link to a lower file copies it up",
         builder().file("a/b", "content", 04750),
         builder().hard_link("c", "a/b").hard_link("d", "/a/b"),
         {"a/ 755", "a/b 4750 content", "c = a/b", "d = a/b"}},
        {"hard link to a lower symbolic link",
         builder().symlink("a", "x"),
         builder().hard_link("b", "a"),
         {"a -> x", "b = a"}},
        {"hard link to a lower file through a lower link",
         builder().file("usr/lib/x", "1").symlink("lib", "usr/lib"),
         builder().hard_link("y", "lib/x"),
         {"usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1", "y = usr/lib/x"}},
        {"hard link to a lower fifo",
         builder().add([] {
             TarMember fifo;
             fifo.path = "p";
             fifo.type = '6';
             return fifo;
         }()),
         builder().hard_link("q", "p"),
         {"p fifo 644", "q = p"}},
        {"hard link to a lower file that goes: renamed, so to say",
         builder().file("a/b", "1").file("a/c", "2"),
         builder().hard_link("d", "a/b").empty("a/.wh.b").hard_link("e", "a/c").empty("a/.wh.c"),
         {"a/ 755", "a/b whiteout", "a/c whiteout", "d 644 1", "e 644 2"}},
        {"hard link to a lower file whose directory goes",
         builder().file("a/b/c", "1"),
         builder().hard_link("d", "a/b/c").empty(".wh.a"),
         {"a whiteout", "d 644 1"}},
        {"hard link to a lower file whose directory becomes opaque",
         builder().file("a/b/c", "1"),
         builder().hard_link("d", "a/b/c").directory("a").empty("a/.wh..wh..opq"),
         {"a/ 755 opaque", "d 644 1"}},
        {"hard link to a lower file that is then replaced",
         builder().file("a/b", "1"),
         builder().hard_link("d", "a/b").empty("a/.wh.b").file("a/b", "2"),
         {"a/ 755", "a/b 644 2", "d 644 1"}},
        {"whiteouts below a directory that this layer made opaque",
         builder().file("a/b/c", "1"),
         builder().directory("a").empty("a/.wh..wh..opq").file("a/b/d", "2"),
         {"a/ 755 opaque", "a/b/ 755", "a/b/d 644 2"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        LayerStack stack;
        (void)stack.apply(row.lower.finish());
        Lines expected = row.tree;
        expected.insert(expected.begin(), "./ 755");
        CHECK(stack.apply(row.upper.finish()) == expected);
    }
}

TEST_CASE("opaque at the root becomes a whiteout for every lower name") {
    LayerStack stack;
    (void)stack.apply(builder().file("a", "1").file("b/x", "2").file("c/y", "3").finish());
    (void)stack.apply(builder().empty(".wh.a").file("d", "4").finish());
    CHECK(stack.apply(builder().directory("c").empty(".wh..wh..opq").file("e", "5").finish()) ==
          Lines{"./ 755", "b whiteout", "c/ 755 opaque", "d whiteout", "e 644 5"});
}

TEST_CASE("lower layers are merged from the top: whiteouts, opaque directories, replaced types") {
    LayerStack stack;
    (void)stack.apply(builder()
                          .directory("opaque", 0701)
                          .directory("opaque/below", 0702)
                          .directory("removed", 0703)
                          .directory("replaced/below", 0704)
                          .directory("kept/below", 0705)
                          .file("kept/file", "old", 0600)
                          .finish());
    (void)stack.apply(builder()
                          .directory("opaque", 0711)
                          .empty("opaque/.wh..wh..opq")
                          .empty(".wh.removed")
                          .file("replaced", "file")
                          .directory("kept", 0715)
                          .finish());
    CHECK(stack.apply(builder()
                          .file("opaque/below/x", "")
                          .file("removed/x", "")
                          .file("replaced/below/x", "")
                          .file("kept/below/x", "")
                          .hard_link("link", "kept/file")
                          .finish()) == Lines{"./ 755",
                                              "kept/ 715",
                                              "kept/below/ 705",
                                              "kept/below/x 644 ",
                                              "kept/file 600 old",
                                              "link = kept/file",
                                              "opaque/ 711",
                                              "opaque/below/ 755",
                                              "opaque/below/x 644 ",
                                              "removed/ 755",
                                              "removed/x 644 ",
                                              "replaced/ 755",
                                              "replaced/below/ 755",
                                              "replaced/below/x 644 "});
    CHECK(stack.failure(builder().hard_link("link", "opaque/gone").finish()) == ErrorKind::corrupt);
}

TEST_CASE("what is inherited keeps times and attributes") {
    TarMember directory;
    directory.path = "a/";
    directory.type = '5';
    directory.mode = 0750;
    directory.modified = 1'600'000'000;
    directory.records = {{"SCHILY.xattr.user.x", "1"}};
    TarMember file = directory;
    file.path = "a/b";
    file.type = '0';
    TarMember root = directory;
    root.path = "./";
    LayerStack stack(TreeTimes::show);
    (void)stack.apply(builder().add(root).add(directory).add(file).finish());
    CHECK(stack.apply(builder().file("a/c", "").hard_link("d", "a/b").finish()) ==
          Lines{"./ 750 user.x=1 @1600000000",
                "a/ 750 user.x=1 @1600000000",
                "a/b 750  user.x=1 @1600000000",
                "a/c 644  @1700000000",
                "d = a/b"});
    // What the layer says itself is all there is.
    CHECK(stack.apply(builder().directory("./").directory("a").finish()) ==
          Lines{"./ 755 @1700000000", "a/ 755 @1700000000"});
}

TEST_CASE("the lower layers are asked for only when they are needed") {
    LayerStack stack;
    (void)stack.apply(builder().directory("a").file("a/b", "1").finish());
    int asked = 0;
    const auto apply = [&](const TarBuilder& tar) {
        nau::test::TempDir directory;
        const auto fd = nau::sys::open(directory.path(), O_PATH | O_DIRECTORY);
        const auto lower = nau::sys::open(stack.path(0), O_PATH | O_DIRECTORY);
        auto options = LayerStack::default_options();
        asked = 0;
        options.lower_dirs = [&] {
            ++asked;
            return std::vector<int>{lower.get()};
        };
        (void)nau::storage::apply_layer(
            nau::test::source_of(tar.finish()), nau::oci::Compression::none, fd.get(), options);
        return asked;
    };
    CHECK(apply(builder()
                    .directory("./")
                    .directory("a")
                    .file("a/b", "2")
                    .empty("a/.wh..wh..opq")
                    .hard_link("d", "a/b")) == 0);
    CHECK(apply(builder().directory("./").directory("a").empty("a/.wh.c").empty("a/.wh.d")) == 1);
    CHECK(apply(builder().directory("./").file("a/b", "2").file("x/y", "3")) == 1);
    CHECK(apply(builder().directory("./").hard_link("d", "a/b")) == 1);
}

TEST_CASE("into a copy of the layers below") {
    struct Row {
        const char* name;
        TarBuilder lower;
        TarBuilder upper;
        Lines tree;  ///< both together
    };
    const Row rows[] = {
        {"whiteout", builder().file("a/b", "1"), builder().empty("a/.wh.b"), {"a/ 755"}},
        {"whiteout of a directory",
         builder().file("a/b/c", "1"),
         builder().empty("a/.wh.b"),
         {"a/ 755"}},
        {"opaque directory",
         builder().file("a/b/c", "1").file("a/d", "2"),
         builder().file("a/b/e", "3").empty("a/.wh..wh..opq"),
         {"a/ 755", "a/b/ 755", "a/b/e 644 3"}},
        {"opaque root",
         builder().file("a/b", "1").file("c", "2"),
         builder().file("a/d", "3").empty(".wh..wh..opq"),
         {"a/ 755", "a/d 644 3"}},
        {"whiteout of what the same layer brings",
         builder().file("a", "1").file("d/x", "1"),
         builder().file("a", "2").empty(".wh.a").file("d/y", "2").empty(".wh.d"),
         {"a 644 2", "d/ 755", "d/y 644 2"}},
        {"replaced by other types",
         builder().file("a/b", "1").file("c", "2").symlink("e", "c"),
         builder().file("a", "3").directory("c", 0700).file("e", "4"),
         {"a 644 3", "c/ 700", "e 644 4"}},
        {"directories keep what they have",
         builder().directory("a", 0700).file("a/b", "1"),
         builder().directory("a", 0750).file("a/c", "2"),
         {"a/ 750", "a/b 644 1", "a/c 644 2"}},
        {"a parent that is not mentioned stays as it is",
         builder().directory("a", 01777).file("a/b", "1"),
         builder().file("a/c", "2"),
         {"a/ 1777", "a/b 644 1", "a/c 644 2"}},
        {"a file is replaced, not written to",
         builder().file("a", "1").hard_link("b", "a"),
         builder().file("a", "2"),
         {"a 644 2", "b 644 1"}},
        {"hard link to what was there",
         builder().file("a", "1"),
         builder().hard_link("b", "a"),
         {"a 644 1", "b = a"}},
        {"through a link",
         builder().directory("usr/lib").symlink("lib", "usr/lib"),
         builder().file("lib/x", "1"),
         {"lib -> usr/lib", "usr/ 755", "usr/lib/ 755", "usr/lib/x 644 1"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        for (const bool is_threaded : {false, true}) {
            nau::test::TempDir directory;
            nau::sys::chmod(directory.path(), 0711);
            const auto fd = nau::sys::open(directory.path(), O_PATH | O_DIRECTORY);
            auto options = LayerStack::default_options();
            options.form = nau::storage::LayerForm::merged;
            for (const auto& layer : {row.lower, row.upper}) {
                const std::string tar = layer.finish();
                (void)nau::storage::apply_layer(
                    nau::test::source_of(is_threaded ? nau::test::for_threads(tar) : tar),
                    nau::oci::Compression::none,
                    fd.get(),
                    options);
            }
            Lines expected = row.tree;
            expected.insert(expected.begin(), "./ 711");
            CHECK(nau::test::tree_text(directory.path()) == expected);
        }
    }
}
