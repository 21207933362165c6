#pragma once

// Layers applied one above the other in directories of their own, for the tests of apply_layer().
// Every layer is applied twice, by one thread and by the whole pipeline, and must come out the
// same.

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "base/error.h"
#include "storage/layers/apply.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_text.h"

template <>
struct doctest::StringMaker<std::vector<std::string>> {
    static doctest::String convert(const std::vector<std::string>& lines) {
        std::string text;
        for (const auto& line : lines) {
            text += "\n    " + line;
        }
        return text.c_str();
    }
};

namespace nau::test {

inline oci::ByteSource source_of(std::string bytes, size_t step = SIZE_MAX) {
    return [bytes = std::move(bytes), step, position = size_t{0}](
               std::span<std::byte> buffer) mutable {
        const size_t size = std::min({buffer.size(), step, bytes.size() - position});
        std::memcpy(buffer.data(), bytes.data() + position, size);
        position += size;
        return size;
    };
}

/// What follows the end of the archive is hashed and not looked at: enough of it, and the layer
/// takes the threaded road.
inline std::string for_threads(const std::string& tar) {
    return tar + std::string(size_t{3} << 20, '\0');
}

class LayerStack {
  public:
    explicit LayerStack(TreeTimes times = TreeTimes::leave_out) : times_(times) {}

    /// Without root, everything belongs to the caller and marks are user attributes.
    static storage::ApplyOptions default_options() {
        storage::ApplyOptions options;
        if (geteuid() != 0) {
            options.form = storage::LayerForm::overlay_user;
            options.ownership = storage::Ownership::of_caller;
            options.skip_devices = true;
        }
        return options;
    }

    storage::ApplyOptions& options() noexcept { return options_; }

    /// The tree of the new layer. @throws what apply_layer() throws; the layer is then dropped
    std::vector<std::string> apply(const std::string& tar) {
        auto inline_tree = apply_once(tar);
        drop_top();
        const auto threaded_tree = apply_once(for_threads(tar));
        CHECK(inline_tree == threaded_tree);
        return inline_tree;
    }

    /// The kind of error that the layer fails with, by one thread and by several.
    ErrorKind failure(const std::string& tar) {
        const ErrorKind kind = failure_once(tar);
        CHECK(failure_once(for_threads(tar)) == kind);
        return kind;
    }

    std::string path(size_t layer) const { return directory_.file(std::to_string(layer)); }
    const storage::ApplyResult& result() const { return *result_; }
    size_t size() const noexcept { return fds_.size(); }

    std::vector<std::string> apply_once(const std::string& tar) {
        const std::string path = directory_.file(std::to_string(fds_.size()));
        sys::mkdir(path, 0700);
        auto fd = sys::open(path, O_PATH | O_DIRECTORY);
        auto options = options_;
        if (!fds_.empty()) {
            options.lower_dirs = [this] { return lower_dirs(); };
        }
        try {
            result_ = std::make_unique<storage::ApplyResult>(
                storage::apply_layer(source_of(tar), oci::Compression::none, fd.get(), options));
        } catch (...) {
            sys::remove_tree(path);
            throw;
        }
        fds_.push_back(std::move(fd));
        return tree_text(path, times_);
    }

    void drop_top() {
        fds_.pop_back();
        sys::remove_tree(path(fds_.size()));
    }

  private:
    std::vector<int> lower_dirs() const {
        std::vector<int> fds;
        for (size_t i = fds_.size(); i-- > 0;) {
            fds.push_back(fds_[i].get());
        }
        return fds;
    }

    ErrorKind failure_once(const std::string& tar) {
        try {
            apply_once(tar);
        } catch (const Error& error) {
            last_error_ = error.text();
            return error.kind();
        }
        drop_top();
        FAIL_CHECK("nothing was thrown");
        return ErrorKind::internal;
    }

    TempDir directory_;
    TreeTimes times_;
    storage::ApplyOptions options_ = default_options();
    std::vector<sys::UniqueFd> fds_;
    std::unique_ptr<storage::ApplyResult> result_;
    std::string last_error_;

  public:
    const std::string& last_error() const noexcept { return last_error_; }
};

}  // namespace nau::test
