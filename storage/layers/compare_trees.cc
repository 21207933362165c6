#include "storage/layers/compare_trees.h"

#include <algorithm>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "oci/layer/printable.h"
#include "storage/layers/same_entry.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr int kMaxDepth = 512;
constexpr size_t kReadBytes = size_t{256} << 10U;

std::vector<std::string> sorted_names(int directory) {
    std::vector<std::string> names;
    for (auto& entry : sys::list_directory(directory)) {
        names.push_back(std::move(entry.name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Comparison {
  public:
    explicit Comparison(const std::stop_token& stop)
        : stop_(stop), expected_buffer_(kReadBytes, '\0'), found_buffer_(kReadBytes, '\0') {}

    std::optional<std::string> compare(int expected,
                                       int found,
                                       const std::string& path,
                                       int depth) {
        if (depth > kMaxDepth) {
            throw Error(
                ErrorKind::unsupported, "directories are nested more than {} deep", kMaxDepth);
        }
        const auto names = sorted_names(expected);
        const auto found_names = sorted_names(found);
        for (const auto& name : found_names) {
            if (!std::binary_search(names.begin(), names.end(), name)) {
                return tell(path + name, "is not in the layer");
            }
        }
        for (const auto& name : names) {
            if (auto difference = compare_name(expected, found, name, path + name, depth)) {
                return difference;
            }
        }
        return std::nullopt;
    }

  private:
    static std::string tell(const std::string& path, std::string_view what) {
        return fmt::format("{} {}", oci::printable(path), what);
    }

    std::optional<std::string> compare_name(int expected_dir,
                                            int found_dir,
                                            const std::string& name,
                                            const std::string& path,
                                            int depth) {
        if (stop_.stop_requested()) {
            throw Error(ErrorKind::interrupted, "stopped");
        }
        const auto expected = sys::fstatat_if_exists(expected_dir, name);
        const auto found = sys::fstatat_if_exists(found_dir, name);
        if (!expected || !found) {
            return tell(path, "is gone");
        }
        if (!is_equal(found_dir, *found, expected_dir, *expected, name)) {
            return tell(path, "has another type, mode, owner, length, time or attribute");
        }
        if (S_ISREG(expected->st_mode)) {
            const auto own = sys::openat(found_dir, name, O_RDONLY);
            const auto other = sys::openat(expected_dir, name, O_RDONLY);
            return has_same_content(own.get(), other.get())
                       ? std::nullopt
                       : std::optional(tell(path, "has other content"));
        }
        if (S_ISDIR(expected->st_mode)) {
            const auto own = sys::openat(found_dir, name, O_RDONLY | O_DIRECTORY);
            const auto other = sys::openat(expected_dir, name, O_RDONLY | O_DIRECTORY);
            return compare(other.get(), own.get(), path + "/", depth + 1);
        }
        return std::nullopt;
    }

    /// Both are as long.
    bool has_same_content(int found, int expected) {
        for (;;) {
            const size_t size = sys::read_some(expected, expected_buffer_.data(), kReadBytes);
            if (size == 0) {
                return true;
            }
            size_t done = 0;
            while (done < size) {
                const size_t count =
                    sys::read_some(found, found_buffer_.data() + done, size - done);
                if (count == 0) {
                    return false;
                }
                done += count;
            }
            if (std::string_view(expected_buffer_).substr(0, size) !=
                std::string_view(found_buffer_).substr(0, size)) {
                return false;
            }
        }
    }

    const std::stop_token& stop_;
    std::string expected_buffer_;
    std::string found_buffer_;
};

}  // namespace

std::optional<std::string> find_difference(int expected, int found, const std::stop_token& stop) {
    return Comparison(stop).compare(expected, found, "/", 0);
}

}  // namespace nau::storage
