#include "engine/store/chown_tree.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr int kMaxDepth = 256;

/// Given away by mistake, one of these makes the machine unusable.
constexpr auto kSystemDirectories = std::to_array<std::string_view>(
    {"/",    "/bin",  "/boot", "/dev", "/etc",  "/home", "/lib", "/lib64", "/media", "/mnt",
     "/opt", "/proc", "/root", "/run", "/sbin", "/srv",  "/sys", "/tmp",   "/usr",   "/var"});

struct Target {
    uid_t uid;
    gid_t gid;
    dev_t device;
};

void chown_below(int directory, const Target& target, int depth) {
    if (depth > kMaxDepth) {
        throw Error(ErrorKind::invalid, "directories are nested more than {} deep", kMaxDepth);
    }
    for (const auto& entry : sys::list_directory(directory)) {
        const auto status = sys::fstatat_if_exists(directory, entry.name);
        if (!status || status->st_dev != target.device) {
            continue;
        }
        if (S_ISDIR(status->st_mode)) {
            const sys::UniqueFd inner = sys::openat(directory, entry.name, O_RDONLY | O_DIRECTORY);
            chown_below(inner.get(), target, depth + 1);
        }
        sys::fchownat(directory, entry.name, target.uid, target.gid);
        if (!S_ISLNK(status->st_mode)) {
            // chown has cleared these bits.
            sys::fchmodat(directory, entry.name, status->st_mode & 07777U);
        }
    }
}

}  // namespace

void chown_tree(const std::string& path, uid_t uid, gid_t gid) {
    const std::string real = std::filesystem::canonical(path).string();
    if (std::find(kSystemDirectories.begin(), kSystemDirectories.end(), real) !=
        kSystemDirectories.end()) {
        throw Error(ErrorKind::invalid,
                    "'{}' belongs to the system and is not given to a container's user",
                    real)
            .with_hint("leave out the mount option U");
    }
    doing([&] { return fmt::format("giving '{}' to {}:{}", path, uid, gid); },
          [&] {
              const sys::UniqueFd top = sys::open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
              const auto status = sys::fstat(top.get());
              if (S_ISDIR(status.st_mode)) {
                  chown_below(top.get(), {.uid = uid, .gid = gid, .device = status.st_dev}, 0);
              }
              sys::fchown(top.get(), uid, gid);
          });
}

}  // namespace nau::engine
