#include "storage/layers/diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "oci/layer/tar_reader.h"
#include "storage/layers/changes.h"
#include "sys/dir_fd.h"
#include "tests/support/tar_builder.h"
#include "tests/unit/storage/layers/layer_stack.h"

namespace {

using nau::storage::Change;
using nau::storage::ChangeKind;
using nau::storage::WriteTreeOptions;
using nau::test::LayerStack;
using nau::test::TarBuilder;
using nau::test::TempDir;

std::string write(const std::string& directory, WriteTreeOptions options = {}) {
    if (options.form != nau::storage::LayerForm::merged) {
        options.form = LayerStack::default_options().form;
    }
    std::string tar;
    nau::oci::TarWriter out([&tar](std::span<const std::byte> bytes) {
        tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    const auto fd = nau::sys::open(directory, O_RDONLY | O_DIRECTORY);
    nau::storage::write_tree(fd.get(), out, options);
    out.finish();
    return tar;
}

std::vector<std::string> names(const std::string& tar) {
    bool is_given = false;
    nau::oci::TarReader reader([&] {
        if (is_given) {
            return nau::oci::Chunk{};
        }
        is_given = true;
        return nau::oci::Chunk{.bytes = std::as_bytes(std::span<const char>(tar)),
                               .owner = nullptr};
    });
    std::vector<std::string> found;
    while (const auto* entry = reader.next()) {
        found.push_back(entry->path);
    }
    return found;
}

/// A base and a layer above it with all that a layer can say.
void build(LayerStack& stack) {
    stack.apply(TarBuilder()
                    .directory("a")
                    .file("a/1", "one")
                    .file("a/2", "two")
                    .directory("b")
                    .file("b/1", "one")
                    .directory("c")
                    .file("c/1", "x")
                    .file("d", "a file")
                    .finish());
    TarBuilder top;
    top.directory("a", 01777)
        .empty("a/.wh.1")
        .directory("b")
        .empty("b/.wh..wh..opq")
        .file("b/new", std::string(100'000, 'x'), 04755)
        .empty(".wh.d")
        .file("f", "content", 0640)
        .hard_link("e", "f")
        .symlink("s", "../nowhere");
    top.add({.path = "fifo", .type = '6', .mode = 0620});
    top.add({.path = "x",
             .content = "1",
             .records = {{"SCHILY.xattr.user.k", "v"}, {"mtime", "5.25"}}});
    stack.apply(top.finish());
}

}  // namespace

TEST_CASE("a layer written from its directory unpacks to the same directory") {
    LayerStack stack(nau::test::TreeTimes::show);
    build(stack);
    const std::string tar = write(stack.path(1), {.has_root = true});
    const auto expected = nau::test::tree_text(stack.path(1), nau::test::TreeTimes::show);
    stack.drop_top();
    CHECK(stack.apply_once(tar) == expected);
    CHECK(write(stack.path(1), {.has_root = true}) == tar);
}

TEST_CASE("members stand in the order of their names, marks before what they do not hide") {
    LayerStack stack;
    build(stack);
    CHECK(
        names(write(stack.path(1))) ==
        std::vector<std::string>{
            "a/", "a/.wh.1", "b/", "b/.wh..wh..opq", "b/new", ".wh.d", "e", "f", "fifo", "s", "x"});
}

TEST_CASE("the order of creation and the holes of a file leave no trace") {
    TempDir first;
    TempDir second;
    const auto make = [](const TempDir& directory, const std::vector<std::string>& order) {
        for (const auto& name : order) {
            const auto file = nau::sys::open(directory.file(name), O_WRONLY | O_CREAT, 0644);
            if (name == "sparse" && order.front() == "sparse") {
                nau::sys::ftruncate(file.get(), 1 << 20);
            } else if (name == "sparse") {
                nau::sys::write_all(file.get(), std::string(1 << 20, '\0'));
            }
            nau::sys::futimens(
                file.get(), {.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0});
        }
    };
    make(first, {"sparse", "b", "a"});
    make(second, {"a", "b", "sparse"});
    CHECK(write(first.path()) == write(second.path()));
}

TEST_CASE("sockets, reserved names and empty mount points stay out") {
    TempDir directory;
    const auto root = nau::sys::DirFd::open_root(directory.path());
    root.mknod("socket", S_IFSOCK | 0600, 0);
    (void)root.create_file(".wh.reserved", 0644);
    (void)root.mkdir_all_in_root("etc", 0755);
    (void)root.create_file("etc/hosts", 0644);
    nau::sys::write_all(root.create_file("etc/hostname", 0644).get(), "kept");
    (void)root.mkdir_in_root("proc", 0555);
    const WriteTreeOptions options = {.mount_points = {"etc/hosts", "etc/hostname", "proc"}};
    CHECK(names(write(directory.path(), options)) ==
          std::vector<std::string>{"etc/", "etc/hostname"});
    CHECK(names(write(directory.path(),
                      {.form = nau::storage::LayerForm::merged, .is_layer = false})) ==
          std::vector<std::string>{".wh.reserved", "etc/", "etc/hostname", "etc/hosts", "proc/"});
}

TEST_CASE("a tree that is nested too deeply is refused") {
    TempDir directory;
    auto current = nau::sys::DirFd::open_root(directory.path());
    for (int i = 0; i < 600; ++i) {
        (void)current.mkdir_in_root("d", 0755);
        current = current.open_directory_in_root("d");
    }
    CHECK_THROWS_WITH_AS(
        write(directory.path()), "directories are nested more than 512 deep", nau::Error);
}

TEST_CASE("a request to stop ends it") {
    TempDir directory;
    (void)nau::sys::open(directory.file("f"), O_WRONLY | O_CREAT, 0644);
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_AS(write(directory.path(), {.stop = stop.get_token()}), nau::Error);
}

TEST_CASE("changes are listed with what they are") {
    LayerStack stack;
    build(stack);
    const auto upper = nau::sys::open(stack.path(1), O_RDONLY | O_DIRECTORY);
    const auto lower = nau::sys::open(stack.path(0), O_RDONLY | O_DIRECTORY);
    nau::storage::ListChangesOptions options;
    options.form = LayerStack::default_options().form;
    const std::vector<Change> expected = {{ChangeKind::changed, "/a"},
                                          {ChangeKind::deleted, "/a/1"},
                                          {ChangeKind::changed, "/b"},
                                          {ChangeKind::deleted, "/b/1"},
                                          {ChangeKind::added, "/b/new"},
                                          {ChangeKind::deleted, "/d"},
                                          {ChangeKind::added, "/e"},
                                          {ChangeKind::added, "/f"},
                                          {ChangeKind::added, "/fifo"},
                                          {ChangeKind::added, "/s"},
                                          {ChangeKind::added, "/x"}};
    CHECK(nau::storage::list_changes(upper.get(), lower.get(), options) == expected);
    CHECK(nau::storage::list_changes(lower.get(), std::nullopt, options).front() ==
          Change{ChangeKind::added, "/a"});
}
