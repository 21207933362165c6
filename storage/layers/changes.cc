#include "storage/layers/changes.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "storage/layers/lower_layers.h"
#include "storage/layers/same_entry.h"
#include "storage/layers/tree_marks.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr int kMaxDepth = 512;

std::vector<std::string> sorted_names(int directory) {
    std::vector<std::string> names;
    for (auto& entry : sys::list_directory(directory)) {
        names.push_back(std::move(entry.name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

class ChangeLister {
  public:
    explicit ChangeLister(const ListChangesOptions& options)
        : options_(options), marks_(options.form) {}

    std::vector<Change> run(int upper, std::optional<int> lower) {
        walk(upper, lower, "/", is_copy(lower), 0);
        return std::move(changes_);
    }

  private:
    void walk(
        int upper, std::optional<int> lower, const std::string& prefix, bool hides, int depth) {
        if (depth > kMaxDepth) {
            throw Error(
                ErrorKind::unsupported, "directories are nested more than {} deep", kMaxDepth);
        }
        std::vector<std::string> names = sorted_names(upper);
        if (hides && lower) {
            // What is gone has no name in the upper directory.
            for (auto& name : sorted_names(*lower)) {
                names.push_back(std::move(name));
            }
            std::sort(names.begin(), names.end());
            names.erase(std::unique(names.begin(), names.end()), names.end());
        }
        for (const auto& name : names) {
            visit(upper, lower, name, prefix + name, depth);
        }
    }

    bool is_copy(std::optional<int> lower) const noexcept {
        return options_.form == LayerForm::merged && lower.has_value();
    }

    void visit(int upper,
               std::optional<int> lower,
               const std::string& name,
               const std::string& path,
               int depth) {
        const auto status = sys::fstatat_if_exists(upper, name);
        const auto below = lower ? sys::fstatat_if_exists(*lower, name) : std::nullopt;
        if (!status || (options_.form != LayerForm::merged && is_whiteout(*status))) {
            if (below) {
                changes_.push_back({.kind = ChangeKind::deleted, .path = path});
            }
            return;
        }
        const bool is_same =
            is_copy(lower) && below && is_equal(upper, *status, *lower, *below, name);
        if (!S_ISDIR(status->st_mode)) {
            if (is_same) {
                return;
            }
            const bool is_mount_point = S_ISREG(status->st_mode) && status->st_size == 0 &&
                                        options_.mount_points.contains(path.substr(1));
            if (!is_mount_point) {
                add(path, below.has_value());
            }
            return;
        }
        const sys::UniqueFd directory = sys::openat(upper, name, O_RDONLY | O_DIRECTORY);
        if (options_.mount_points.contains(path.substr(1)) &&
            sys::list_directory(directory.get()).empty()) {
            return;
        }
        const size_t before = changes_.size();
        add(path, below.has_value());
        sys::UniqueFd lower_directory;
        if (below && S_ISDIR(below->st_mode)) {
            lower_directory = sys::openat(*lower, name, O_RDONLY | O_DIRECTORY);
        }
        walk(directory.get(),
             lower_directory ? std::optional(lower_directory.get()) : std::nullopt,
             path + "/",
             marks_.is_opaque(directory.get()) || is_copy(lower),
             depth + 1);
        if (is_same && changes_.size() == before + 1) {
            changes_.pop_back();
        }
    }

    void add(const std::string& path, bool was_there) {
        changes_.push_back(
            {.kind = was_there ? ChangeKind::changed : ChangeKind::added, .path = path});
    }

    const ListChangesOptions& options_;
    TreeMarks marks_;
    std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> list_changes(int upper,
                                 std::optional<int> lower,
                                 const ListChangesOptions& options) {
    return ChangeLister(options).run(upper, lower);
}

}  // namespace nau::storage
