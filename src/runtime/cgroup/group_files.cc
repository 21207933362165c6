#include "runtime/cgroup/group_files.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/raw.h"
#include "sys/unique_fd.h"

namespace nau::runtime::cgroup {

namespace raw = sys::raw;

namespace {

constexpr size_t kMaxFile = 16 * 1024 * 1024;

int mkdir_now(const std::string& path) noexcept {
    return raw::mkdirat(AT_FDCWD, path.c_str(), 0755);
}

/// Directories below `directory`, not itself.
std::vector<std::string> children_of(const std::string& directory) {
    std::vector<std::string> children;
    for (const auto& entry :
         sys::list_directory_if_exists(directory).value_or(std::vector<sys::DirEntry>{})) {
        if (entry.type == sys::FileType::directory) {
            children.push_back(fmt::format("{}/{}", directory, entry.name));
        }
    }
    return children;
}

/// As read_file_if_exists, but a group that goes away while it is read (ENODEV) is absent, and a
/// threaded v2 group, which refuses to list processes (EOPNOTSUPP), lists none.
std::optional<std::string> read_group_file(const std::string& path) {
    try {
        return sys::read_file_if_exists(path, kMaxFile);
    } catch (const SysError& error) {
        if (error.error() == ENODEV || error.error() == EOPNOTSUPP) {
            return std::nullopt;
        }
        throw;
    }
}

void collect_processes(const std::string& directory, std::vector<pid_t>& pids) {
    const auto text = read_group_file(directory + "/cgroup.procs");
    const std::string content = text.value_or("");  // what split() returns borrows it
    for (const std::string_view line : split(trim(content), '\n')) {
        // 0 stands for a process of another pid namespace.
        if (const auto pid = parse_uint64(line); pid && *pid > 0 && *pid <= INT32_MAX) {
            pids.push_back(static_cast<pid_t>(*pid));
        }
    }
    for (const std::string& child : children_of(directory)) {
        collect_processes(child, pids);
    }
}

}  // namespace

bool make_group(const std::string& mount_point, const std::string& path) {
    int result = mkdir_now(mount_point + path);
    if (result == -ENOENT) {
        for (size_t slash = path.find('/', 1); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            const int made = mkdir_now(mount_point + path.substr(0, slash));
            if (made < 0 && made != -EEXIST) {
                throw SysError(
                    -made, "make the control group {}{}", mount_point, path.substr(0, slash));
            }
        }
        result = mkdir_now(mount_point + path);
    }
    if (result < 0 && result != -EEXIST) {
        throw SysError(-result, "make the control group {}{}", mount_point, path);
    }
    return result == 0;
}

bool try_write(const std::string& path, std::string_view value) {
    const int fd = raw::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd == -ENOENT) {
        return false;
    }
    if (fd < 0) {
        throw SysError(-fd, "open {}", path);
    }
    const long result = raw::write(fd, value.data(), value.size());
    raw::close(fd);
    if (result < 0) {
        throw SysError(static_cast<int>(-result), "write '{}' to {}", value, path);
    }
    return true;
}

void write_limit(const std::string& directory, const LimitWrite& write) {
    const std::string path = fmt::format("{}/{}", directory, write.file);
    bool is_written = false;
    try {
        is_written = try_write(path, write.value);
    } catch (const SysError& error) {
        throw Error(error.error() == EINVAL || error.error() == ERANGE || error.error() == EBUSY
                        ? ErrorKind::invalid
                        : error.kind(),
                    "linux: resources: {}: {}",
                    write.member,
                    error.text());
    }
    if (is_written) {
        return;
    }
    if (!write.is_optional) {
        throw Error(ErrorKind::unsupported,
                    "linux: resources: {}: this kernel has no {}",
                    write.member,
                    write.file);
    }
    NAU_LOG_WARN(
        "{}: this kernel has no {} (swap accounting is off), ignoring", write.member, write.file);
}

std::vector<pid_t> processes_below(const std::string& directory) {
    std::vector<pid_t> pids;
    collect_processes(directory, pids);
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

bool has_processes_below(const std::string& directory) {
    return !processes_below(directory).empty();
}

void kill_one_by_one(const std::string& directory, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const std::vector<pid_t> pids = processes_below(directory);
        if (pids.empty()) {
            return;
        }
        std::vector<std::pair<pid_t, sys::UniqueFd>> opened;
        for (const pid_t pid : pids) {
            if (const int pidfd = raw::pidfd_open(pid); pidfd >= 0) {
                opened.emplace_back(pid, sys::UniqueFd(pidfd));
            }
        }
        // The pids were read a moment ago. A second look, with the pidfds held, makes sure that
        // none has become somebody else's in between.
        const std::vector<pid_t> again = processes_below(directory);
        for (const auto& [pid, pidfd] : opened) {
            if (std::binary_search(again.begin(), again.end(), pid)) {
                (void)raw::pidfd_send_signal(pidfd.get(), SIGKILL);
            }
        }
    }
}

bool try_remove_tree(const std::string& directory) {
    const int result = raw::unlinkat(AT_FDCWD, directory.c_str(), AT_REMOVEDIR);
    if (result == 0 || result == -ENOENT) {
        return true;
    }
    // EBUSY: processes or groups in it.
    if (result != -EBUSY && result != -ENOTEMPTY) {
        throw SysError(-result, "remove the control group {}", directory);
    }
    const std::vector<std::string> children = children_of(directory);
    bool all_gone = true;
    for (const std::string& child : children) {
        all_gone = try_remove_tree(child) && all_gone;
    }
    if (children.empty() || !all_gone) {
        return false;
    }
    const int again = raw::unlinkat(AT_FDCWD, directory.c_str(), AT_REMOVEDIR);
    return again == 0 || again == -ENOENT;
}

std::optional<uint64_t> read_number(const std::string& path) {
    const auto text = read_group_file(path);
    return text ? parse_uint64(trim(*text)) : std::nullopt;
}

KeyedFile::KeyedFile(const std::string& path) : text_(read_group_file(path).value_or("")) {}

std::optional<uint64_t> KeyedFile::find(std::string_view key) const {
    for (const std::string_view line : split(text_, '\n')) {
        const auto parts = split_once(line, ' ');
        if (parts && parts->first == key) {
            return parse_uint64(trim(parts->second));
        }
    }
    return std::nullopt;
}

std::optional<uint64_t> read_keyed_number(const std::string& path, std::string_view key) {
    return KeyedFile(path).find(key);
}

Backoff::Backoff(std::chrono::milliseconds patience)
    : deadline_(std::chrono::steady_clock::now() + patience) {}

bool Backoff::wait() {
    constexpr std::chrono::microseconds kLongest{20'000};
    if (std::chrono::steady_clock::now() >= deadline_) {
        return false;
    }
    std::this_thread::sleep_for(step_);
    step_ = std::min(step_ * 2, kLongest);
    return true;
}

}  // namespace nau::runtime::cgroup
