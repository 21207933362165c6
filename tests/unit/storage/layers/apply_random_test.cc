// Random layers out of a few names, so that everything meets everything: links and directories and
// whiteouts of one name, in one layer and in several. Unpacked in overlayfs' form and merged as
// overlayfs does it, they must give what unpacking into one tree gives.

#include <array>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <doctest/doctest.h>

#include "storage/layers/diff.h"
#include "sys/dir_fd.h"
#include "tests/support/tar_builder.h"
#include "tests/unit/storage/layers/layer_stack.h"

using nau::storage::LayerForm;
using nau::test::LayerStack;
using nau::test::TarBuilder;
using nau::test::TempDir;
using Lines = std::vector<std::string>;
namespace sys = nau::sys;

namespace {

class LayerGenerator {
  public:
    explicit LayerGenerator(unsigned seed) : random_(seed) {}

    TarBuilder layer() {
        TarBuilder tar;
        description_ += "--- layer\n";
        for (auto i = 1 + random_() % 8; i > 0; --i) {
            add_member(tar);
        }
        return tar;
    }

    const std::string& description() const noexcept { return description_; }

  private:
    std::string name() { return std::string(1, "abc"[random_() % 3]); }

    std::string path() {
        std::string path = name();
        for (auto depth = random_() % 3; depth > 0; --depth) {
            path += "/" + name();
        }
        return path;
    }

    void add_member(TarBuilder& tar) {
        static constexpr std::array kTargets = {"a", "b", "../a", "/b", "c/../a", ".", "b/c", "/"};
        const std::string where = path();
        const size_t slash = where.rfind('/') + 1;
        const std::string directory = where.substr(0, slash);
        switch (random_() % 20) {
            case 0:
            case 1:
            case 2:
            case 3:
                describe("dir", where);
                tar.directory(where, random_() % 2 == 0 ? 0755 : 0700);
                break;
            case 4:
            case 5: {
                const std::string target = kTargets[random_() % kTargets.size()];
                describe("symlink", where + " -> " + target);
                tar.symlink(where, target);
                break;
            }
            case 6: {
                const std::string target = path();
                describe("link", where + " = " + target);
                tar.hard_link(where, target);
                break;
            }
            case 7:
            case 8:
            case 9:
                describe("whiteout", where);
                tar.empty(directory + ".wh." + where.substr(slash));
                break;
            case 10:
                describe("opaque", directory);
                tar.empty(directory + ".wh..wh..opq");
                break;
            default: {
                const std::string content = std::to_string(++contents_);
                describe("file", where + " " + content);
                tar.file(where, content, random_() % 2 == 0 ? 0644 : 0600);
                break;
            }
        }
    }

    void describe(const char* what, const std::string& which) {
        description_ += std::string(what) + " " + which + "\n";
    }

    std::mt19937 random_;
    std::string description_;
    int contents_ = 0;
};

/// What a mount of the directories, top first, would show: path, mode and content.
class OverlayView {
  public:
    static Lines of(const std::vector<std::string>& top_first) {
        OverlayView view;
        std::vector<sys::UniqueFd> roots;
        for (const auto& directory : top_first) {
            roots.push_back(sys::open(directory, O_RDONLY | O_DIRECTORY));
        }
        view.walk(roots, "");
        return view.lines_;
    }

  private:
    static bool is_opaque(int fd) {
        return sys::fgetxattr(fd, "trusted.overlay.opaque") == "y" ||
               sys::fgetxattr(fd, "user.overlay.opaque") == "y";
    }

    void walk(const std::vector<sys::UniqueFd>& directories, const std::string& path) {
        std::map<std::string, int> names;
        for (const auto& directory : directories) {
            for (const auto& entry : sys::list_directory(directory.get())) {
                names[entry.name] = 1;
            }
        }
        for (const auto& [name, unused] : names) {
            show(directories, name, path + name);
        }
    }

    void show(const std::vector<sys::UniqueFd>& directories,
              const std::string& name,
              const std::string& path) {
        std::vector<sys::UniqueFd> merged;
        for (const auto& directory : directories) {
            const auto status = sys::fstatat_if_exists(directory.get(), name);
            if (!status) {
                continue;
            }
            if (!S_ISDIR(status->st_mode)) {
                if (merged.empty()) {
                    show_leaf(directory.get(), name, path, *status);
                }
                if (S_ISCHR(status->st_mode) && directories.size() == 1) {
                    // overlayfs does not look for whiteouts in a directory that it does not merge.
                    lines_.push_back(path + " stray whiteout");
                }
                break;
            }
            if (merged.empty()) {
                lines_.push_back(fmt::format("{}/ {:o}", path, status->st_mode & 07777));
            }
            merged.push_back(sys::openat(directory.get(), name, O_RDONLY | O_DIRECTORY));
            if (is_opaque(merged.back().get())) {
                break;
            }
        }
        if (!merged.empty()) {
            walk(merged, path + "/");
        }
    }

    void show_leaf(int directory,
                   const std::string& name,
                   const std::string& path,
                   const struct ::stat& status) {
        if (S_ISLNK(status.st_mode)) {
            lines_.push_back(path + " -> " + sys::readlinkat(directory, name));
        } else if (S_ISREG(status.st_mode)) {
            const auto file = sys::openat(directory, name, O_RDONLY);
            lines_.push_back(fmt::format(
                "{} {:o} {}", path, status.st_mode & 07777, sys::read_fd(file.get(), 100)));
        }
    }

    Lines lines_;
};

/// Applies, and says whether that went well.
bool try_apply(const std::string& tar,
               const std::string& target,
               LayerForm form,
               const std::vector<std::string>& lower) {
    std::vector<sys::UniqueFd> fds;
    for (const auto& directory : lower) {
        fds.push_back(sys::open(directory, O_PATH | O_DIRECTORY));
    }
    auto options = LayerStack::default_options();
    if (form == LayerForm::merged) {
        options.form = form;
    } else if (!lower.empty()) {
        options.lower_dirs = [&] {
            std::vector<int> borrowed;
            for (const auto& fd : fds) {
                borrowed.push_back(fd.get());
            }
            return borrowed;
        };
    }
    const auto fd = sys::open(target, O_PATH | O_DIRECTORY);
    try {
        (void)nau::storage::apply_layer(
            nau::test::source_of(tar), nau::oci::Compression::none, fd.get(), options);
        return true;
    } catch (const nau::Error& error) {
        INFO(error.text());
        CHECK(error.kind() == nau::ErrorKind::corrupt);
        return false;
    }
}

}  // namespace

TEST_CASE("layers in overlayfs' form show what one tree would show") {
    int complete = 0;
    for (unsigned seed = 1; seed <= 250; ++seed) {
        LayerGenerator generator(seed);
        TempDir directory;
        std::vector<std::string> lower;
        const std::string one_tree = directory.file("tree");
        sys::mkdir(one_tree, 0755);
        for (int number = 0; number < 3; ++number) {
            const auto layer = generator.layer();
            const std::string tar =
                seed % 10 == 0 ? nau::test::for_threads(layer.finish()) : layer.finish();
            const std::string target = directory.file(std::to_string(number));
            sys::mkdir(target, 0755);
            INFO("seed ", seed, "\n", generator.description());
            const bool in_overlay = try_apply(tar, target, LayerForm::overlay_trusted, lower);
            const bool in_tree = try_apply(tar, one_tree, LayerForm::merged, {});
            CHECK(in_overlay == in_tree);
            if (!in_overlay || !in_tree) {
                break;
            }
            lower.insert(lower.begin(), target);
            const auto shown = OverlayView::of(lower);
            const auto expected = OverlayView::of({one_tree});
            CHECK(shown == expected);
            if (shown != expected) {
                break;
            }
            complete += number == 2 ? 1 : 0;
        }
    }
    // Most random layers mean something.
    CHECK(complete > 40);
}

TEST_CASE("a layer written back from its directory makes the same directory") {
    int complete = 0;
    for (unsigned seed = 1; seed <= 150; ++seed) {
        LayerGenerator generator(seed);
        TempDir directory;
        std::vector<std::string> lower;
        for (int number = 0; number < 3; ++number) {
            const std::string target = directory.file(std::to_string(number));
            const std::string again = directory.file(std::to_string(number) + "-again");
            sys::mkdir(target, 0755);
            sys::mkdir(again, 0755);
            const std::string tar = generator.layer().finish();
            INFO("seed ", seed, "\n", generator.description());
            if (!try_apply(tar, target, LayerForm::overlay_trusted, lower)) {
                break;
            }
            std::string written;
            nau::oci::TarWriter out([&written](std::span<const std::byte> bytes) {
                written.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            });
            const auto fd = sys::open(target, O_RDONLY | O_DIRECTORY);
            nau::storage::write_tree(
                fd.get(), out, {.form = LayerStack::default_options().form, .has_root = true});
            out.finish();
            REQUIRE(try_apply(written, again, LayerForm::overlay_trusted, lower));
            const auto times = nau::test::TreeTimes::show;
            const bool is_equal =
                nau::test::tree_text(target, times) == nau::test::tree_text(again, times);
            CHECK(is_equal);
            lower.insert(lower.begin(), target);
            complete += number == 2 ? 1 : 0;
        }
    }
    CHECK(complete > 25);
}
