#include "storage/layers/layer_tree.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/core.h>

using nau::storage::DirectoryId;
using nau::storage::kRootDirectory;
using nau::storage::LayerTree;
using Kind = LayerTree::Kind;

TEST_CASE("names are found again, in their directory only") {
    LayerTree tree(42);
    const DirectoryId usr = tree.add_directory(kRootDirectory, "usr");
    const DirectoryId bin = tree.add_directory(usr, "bin");
    tree.add_other(bin, "sh");
    CHECK(tree.find(kRootDirectory, "usr").kind == Kind::directory);
    CHECK(tree.find(kRootDirectory, "usr").directory == usr);
    CHECK(tree.find(usr, "bin").directory == bin);
    CHECK(tree.find(bin, "sh").kind == Kind::other);
    CHECK(tree.find(usr, "sh").kind == Kind::absent);
    CHECK(tree.find(kRootDirectory, "bin").kind == Kind::absent);
    CHECK(tree.path(bin) == "usr/bin");
    CHECK(tree.path(kRootDirectory).empty());
    CHECK(tree.name(bin) == "bin");
    CHECK(tree.directory(bin).depth == 2);
}

TEST_CASE("a removed directory takes all below it along and can be made again") {
    LayerTree tree(42);
    const DirectoryId a = tree.add_directory(kRootDirectory, "a");
    const DirectoryId b = tree.add_directory(a, "b");
    tree.directory(a).is_opaque = true;
    CHECK(tree.hides_lower_layers(b));
    tree.remove_directory(a);
    CHECK_FALSE(tree.is_alive(a));
    CHECK_FALSE(tree.is_alive(b));
    CHECK(tree.is_alive(kRootDirectory));
    CHECK(tree.find(kRootDirectory, "a").kind == Kind::other);
    const DirectoryId again = tree.add_directory(kRootDirectory, "a");
    CHECK(again != a);
    CHECK(tree.find(kRootDirectory, "a").directory == again);
    CHECK(tree.find(again, "b").kind == Kind::absent);
    CHECK_FALSE(tree.hides_lower_layers(again));
}

TEST_CASE("a whiteout stands beside what the layer itself has under the name") {
    LayerTree tree(42);
    tree.add_whiteout(kRootDirectory, "a");
    CHECK(tree.find(kRootDirectory, "a").kind == Kind::absent);
    CHECK(tree.find(kRootDirectory, "a").is_whited_out);
    CHECK_FALSE(tree.find(kRootDirectory, "b").is_whited_out);
    const DirectoryId a = tree.add_directory(kRootDirectory, "a");
    CHECK(tree.find(kRootDirectory, "a").directory == a);
    CHECK(tree.find(kRootDirectory, "a").is_whited_out);
    CHECK_FALSE(tree.find(a, "a").is_whited_out);
    tree.add_whiteout(a, "b");
    tree.add_whiteout(a, "b");
    REQUIRE(tree.whiteouts().size() == 2);
    CHECK(tree.name(tree.whiteouts()[1]) == "b");
    tree.add_other(a, "b");
    CHECK(tree.find(a, "b").kind == Kind::other);
}

TEST_CASE("a directory belongs to the layer with all above it") {
    LayerTree tree(42);
    const DirectoryId a = tree.add_directory(kRootDirectory, "a");
    const DirectoryId b = tree.add_directory(a, "b");
    const DirectoryId c = tree.add_directory(kRootDirectory, "c");
    CHECK(tree.directory(kRootDirectory).is_own);
    tree.mark_own(b);
    CHECK(tree.directory(a).is_own);
    CHECK(tree.directory(b).is_own);
    CHECK_FALSE(tree.directory(c).is_own);
}

TEST_CASE("many names, long and short") {
    LayerTree tree(7);
    std::vector<DirectoryId> directories;
    for (int i = 0; i < 3000; ++i) {
        const DirectoryId parent = directories.empty() ? kRootDirectory : directories.back();
        if (i % 10 == 0) {
            directories.push_back(tree.add_directory(parent, fmt::format("directory-{}", i)));
        }
        tree.add_other(directories.back(), std::string(static_cast<size_t>(i % 256), 'x'));
    }
    int wrong = 0;
    for (int i = 0; i < 3000; ++i) {
        const auto size = static_cast<size_t>(i % 256);
        const DirectoryId parent = directories[static_cast<size_t>(i / 10)];
        wrong += tree.find(parent, std::string(size, 'x')).kind != Kind::other ? 1 : 0;
        wrong += tree.find(parent, std::string(size, 'y') + "?").kind != Kind::absent ? 1 : 0;
    }
    CHECK(wrong == 0);
}
