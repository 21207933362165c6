#include "sys/mount.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

constexpr size_t kMostMountinfo = size_t{64} * 1024 * 1024;

const char* null_if_empty(const std::string& text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

/// What the file system wrote about its failure: messages such as "e overlay: No changes allowed".
std::string read_fs_log(int fs_fd) {
    std::string log;
    std::array<char, 1024> message;
    for (;;) {
        const long length = raw::read(fs_fd, message.data(), message.size());
        if (length <= 0) {  // ENODATA: no more
            return log;
        }
        std::string_view text = trim({message.data(), static_cast<size_t>(length)});
        if (text.size() > 2 && text[1] == ' ') {
            text.remove_prefix(2);  // the level: e, w, i
        }
        log += fmt::format(" ({})", text);
    }
}

void configure(int fs_fd, unsigned command, const char* key, const void* value, int aux) {
    const int result = raw::fsconfig(fs_fd, command, key, value, aux);
    if (result < 0) {
        throw SysError(
            -result, "fsconfig {}{}", key == nullptr ? "create" : key, read_fs_log(fs_fd));
    }
}

}  // namespace

void mount(const std::string& source,
           const std::string& target,
           const std::string& type,
           unsigned long flags,
           const std::string& data) {
    const int result = raw::mount(
        null_if_empty(source), target.c_str(), null_if_empty(type), flags, null_if_empty(data));
    if (result < 0) {
        throw SysError(-result, "mount {} on {}", type.empty() ? source : type, target);
    }
}

void umount2(const std::string& target, int flags) {
    const int result = raw::umount2(target.c_str(), flags);
    if (result < 0) {
        throw SysError(-result, "unmount {}", target);
    }
}

void pivot_root(const std::string& new_root, const std::string& put_old) {
    const int result = raw::pivot_root(new_root.c_str(), put_old.c_str());
    if (result < 0) {
        throw SysError(-result, "pivot_root {}", new_root);
    }
}

MountGuard::~MountGuard() {
    if (target_.empty()) {
        return;
    }
    const int result = raw::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    if (result < 0) {
        NAU_LOG_WARN("unmount {}: {}, ignoring", target_, errno_text(-result));
    }
}

void MountGuard::unmount() {
    if (!target_.empty()) {
        const std::string target = std::exchange(target_, {});
        umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
}

UniqueFd fsopen(const std::string& type) {
    const int fd = raw::fsopen(type.c_str(), FSOPEN_CLOEXEC);
    if (fd < 0) {
        throw SysError(-fd, "fsopen {}", type);
    }
    return UniqueFd(fd);
}

void fsconfig_set_string(int fs_fd, const std::string& key, const std::string& value) {
    configure(fs_fd, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
}

void fsconfig_set_flag(int fs_fd, const std::string& key) {
    configure(fs_fd, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0);
}

void fsconfig_set_fd(int fs_fd, const std::string& key, int fd) {
    configure(fs_fd, FSCONFIG_SET_FD, key.c_str(), nullptr, fd);
}

void fsconfig_create(int fs_fd) {
    configure(fs_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
}

UniqueFd fsmount(int fs_fd, unsigned attributes) {
    const int fd = raw::fsmount(fs_fd, FSMOUNT_CLOEXEC, attributes);
    if (fd < 0) {
        throw SysError(-fd, "fsmount{}", read_fs_log(fs_fd));
    }
    return UniqueFd(fd);
}

UniqueFd open_tree(int dir_fd, const std::string& path, unsigned flags) {
    const int fd = raw::open_tree(dir_fd, path.c_str(), flags | OPEN_TREE_CLOEXEC);
    if (fd < 0) {
        throw SysError(-fd, "open_tree {}", path.empty() ? describe_fd(dir_fd) : path);
    }
    return UniqueFd(fd);
}

void move_mount(int mount_fd, int dir_fd, const std::string& path, unsigned flags) {
    const unsigned to_flags = path.empty() ? MOVE_MOUNT_T_EMPTY_PATH : 0U;
    const int result = raw::move_mount(
        mount_fd, "", dir_fd, path.c_str(), flags | MOVE_MOUNT_F_EMPTY_PATH | to_flags);
    if (result < 0) {
        throw SysError(-result, "move mount to {}", path.empty() ? describe_fd(dir_fd) : path);
    }
}

void mount_setattr(int dir_fd,
                   const std::string& path,
                   unsigned flags,
                   const MountAttributes& attributes) {
    const raw::MountAttr raw_attributes = {
        .attr_set = attributes.set,
        .attr_clr = attributes.clear,
        .propagation = attributes.propagation,
        .userns_fd =
            attributes.user_namespace < 0 ? 0 : static_cast<uint64_t>(attributes.user_namespace)};
    const int result = raw::mount_setattr(dir_fd, path.c_str(), flags, raw_attributes);
    if (result < 0) {
        throw SysError(
            -result, "mount attributes of {}", path.empty() ? describe_fd(dir_fd) : path);
    }
}

bool is_mount_point(const std::string& path) {
    if (!lstat_if_exists(path)) {
        return false;
    }
    const auto status = statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE);
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// --- mountinfo

namespace {

/// Undoes the kernel's \ooo for blank, tab, line end and backslash.
std::string unescape(std::string_view text) {
    std::string plain;
    plain.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const auto is_octal = [&](size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7';
        };
        if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                       (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

[[noreturn]] void refuse_line(std::string_view line) {
    throw Error(ErrorKind::corrupt, "mountinfo: unexpected line '{}'", line);
}

template <typename Number>
Number parse_number(std::string_view text, std::string_view line) {
    const auto number = parse_uint64(text);
    if (!number || *number > static_cast<uint64_t>(INT32_MAX)) {
        refuse_line(line);
    }
    return static_cast<Number>(*number);
}

/// "36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
MountInfo parse_mountinfo_line(std::string_view line) {
    const auto fields = split(line, ' ');
    constexpr size_t kFixed = 6;
    size_t dash = kFixed;
    while (dash < fields.size() && fields[dash] != "-") {
        ++dash;
    }
    // A source may be empty, but the blanks around it are there. The super options are missing in
    // no known kernel.
    if (dash + 3 >= fields.size()) {
        refuse_line(line);
    }
    const auto device = split_once(fields[2], ':');
    if (!device) {
        refuse_line(line);
    }
    MountInfo info{.id = parse_number<int>(fields[0], line),
                   .parent_id = parse_number<int>(fields[1], line),
                   .major = parse_number<unsigned>(device->first, line),
                   .minor = parse_number<unsigned>(device->second, line),
                   .root = unescape(fields[3]),
                   .mount_point = unescape(fields[4]),
                   .options = std::string(fields[5]),
                   .optional_fields = {},
                   .type = unescape(fields[dash + 1]),
                   .source = unescape(fields[dash + 2]),
                   .super_options = unescape(fields[dash + 3])};
    for (size_t i = kFixed; i < dash; ++i) {
        info.optional_fields.emplace_back(fields[i]);
    }
    return info;
}

}  // namespace

std::vector<MountInfo> parse_mountinfo(std::string_view text) {
    std::vector<MountInfo> mounts;
    for (const auto line : split(text, '\n')) {
        if (!line.empty()) {
            mounts.push_back(parse_mountinfo_line(line));
        }
    }
    return mounts;
}

std::vector<MountInfo> read_mountinfo() {
    return parse_mountinfo(read_file("/proc/thread-self/mountinfo", kMostMountinfo));
}

}  // namespace nau::sys
