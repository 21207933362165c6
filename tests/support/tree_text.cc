#include "tests/support/tree_text.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "base/parse.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::test {

namespace {

constexpr size_t kLongContent = 40;

class TreeWriter {
  public:
    explicit TreeWriter(TreeTimes times) : times_(times) {}

    void write(int dir_fd, const std::string& name, const std::string& path) {
        const auto status = sys::fstatat(dir_fd, name);
        const bool is_directory = S_ISDIR(status.st_mode);
        if (!is_directory && status.st_nlink > 1) {
            const auto [first, is_new] =
                inodes_.emplace(std::pair(status.st_dev, status.st_ino), path);
            if (!is_new) {
                lines_.push_back(fmt::format("{} = {}", path, first->second));
                return;
            }
        }
        lines_.push_back(path + describe(dir_fd, name, status) + owner(status) +
                         attributes(dir_fd, name) + time(status));
        if (is_directory) {
            write_children(dir_fd, name, path);
        }
    }

    std::vector<std::string> lines() && { return std::move(lines_); }

  private:
    void write_children(int dir_fd, const std::string& name, const std::string& path) {
        const auto fd = sys::openat(dir_fd, name, O_RDONLY | O_DIRECTORY);
        auto entries = sys::list_directory(fd.get());
        std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
            return a.name < b.name;
        });
        const std::string prefix = path == "." ? "" : path + "/";
        for (const auto& entry : entries) {
            write(fd.get(), entry.name, prefix + entry.name);
        }
    }

    static std::string describe(int dir_fd, const std::string& name, const struct ::stat& status) {
        const auto mode = status.st_mode & 07777;
        const auto device =
            fmt::format("{}:{} {:o}", major(status.st_rdev), minor(status.st_rdev), mode);
        switch (status.st_mode & S_IFMT) {
            case S_IFDIR:
                return fmt::format("/ {:o}", mode);
            case S_IFLNK:
                return " -> " + sys::readlinkat(dir_fd, name);
            case S_IFIFO:
                return fmt::format(" fifo {:o}", mode);
            case S_IFBLK:
                return " block " + device;
            case S_IFCHR:
                return status.st_rdev == 0 ? " whiteout" : " char " + device;
            default:
                return fmt::format(" {:o} {}", mode, content(dir_fd, name, status));
        }
    }

    static std::string content(int dir_fd, const std::string& name, const struct ::stat& status) {
        if (static_cast<size_t>(status.st_size) > kLongContent) {
            return fmt::format("<{} bytes>", status.st_size);
        }
        const auto fd = sys::openat(dir_fd, name, O_RDONLY);
        return sys::read_fd(fd.get(), kLongContent);
    }

    static std::string owner(const struct ::stat& status) {
        if (status.st_uid == geteuid() && status.st_gid == getegid()) {
            return "";
        }
        return fmt::format(" {}:{}", status.st_uid, status.st_gid);
    }

    static std::string attributes(int dir_fd, const std::string& name) {
        std::string text;
        auto names = sys::listxattrat(dir_fd, name);
        std::sort(names.begin(), names.end());
        for (const auto& attribute : names) {
            if (attribute == "security.selinux") {
                continue;
            }
            const auto value = sys::getxattrat(dir_fd, name, attribute).value_or("");
            if (attribute.ends_with(".overlay.opaque") && value == "y") {
                text += " opaque";
            } else if (attribute.starts_with("user.")) {
                text += fmt::format(" {}={}", attribute, value);
            } else {
                text += fmt::format(" {}={}", attribute, to_hex(value));
            }
        }
        return text;
    }

    std::string time(const struct ::stat& status) const {
        // A whiteout has no time of its own: no format gives it one.
        const bool is_whiteout = S_ISCHR(status.st_mode) && status.st_rdev == 0;
        return times_ == TreeTimes::show && !is_whiteout
                   ? fmt::format(" @{}", status.st_mtim.tv_sec)
                   : "";
    }

    TreeTimes times_;
    std::map<std::pair<dev_t, ino_t>, std::string> inodes_;
    std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> tree_text(const std::string& directory, TreeTimes times) {
    const auto fd = sys::open(directory, O_RDONLY | O_DIRECTORY);
    TreeWriter writer(times);
    writer.write(fd.get(), ".", ".");
    auto lines = std::move(writer).lines();
    return lines;
}

}  // namespace nau::test
