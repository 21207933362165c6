#include "sys/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/scope_exit.h"
#include "sys/random.h"

namespace nau::sys {

namespace {

constexpr size_t kFirstRead = 4096;
constexpr size_t kCopyBuffer = size_t{64} * 1024;

/// How much to ask for first: one byte more than the file has, so that its end shows at once.
size_t first_read_size(int fd, size_t max_bytes) {
    struct ::stat status {};
    size_t guess = kFirstRead;
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        guess = static_cast<size_t>(status.st_size) + 1;
    }
    return std::min(guess, max_bytes + 1);
}

}  // namespace

// --- open, read, write

UniqueFd open(const std::string& path, int flags, mode_t mode) {
    const int fd = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) {
        throw SysError(errno, "open {}", path);
    }
    return UniqueFd(fd);
}

std::optional<UniqueFd> open_if_exists(const std::string& path, int flags) {
    const int fd = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0); });
    if (fd < 0) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        throw SysError(errno, "open {}", path);
    }
    return UniqueFd(fd);
}

size_t read_some(int fd, char* buffer, size_t size) {
    const ssize_t count = retry([&] { return ::read(fd, buffer, size); });
    if (count < 0) {
        const int error = errno;
        throw SysError(error, "read {}", describe_fd(fd));
    }
    return static_cast<size_t>(count);
}

void read_exactly(int fd, char* buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        const size_t count = read_some(fd, buffer + done, size - done);
        if (count == 0) {
            throw Error(ErrorKind::corrupt,
                        "read {}: ends after {} of {} bytes",
                        describe_fd(fd),
                        done,
                        size);
        }
        done += count;
    }
}

std::string read_fd(int fd, size_t max_bytes) {
    max_bytes = std::min(max_bytes, std::string().max_size() - 1);
    std::string bytes(first_read_size(fd, max_bytes), '\0');
    size_t done = 0;
    while (const size_t count = read_some(fd, bytes.data() + done, bytes.size() - done)) {
        done += count;
        if (done > max_bytes) {
            throw Error(
                ErrorKind::invalid, "read {}: larger than {} bytes", describe_fd(fd), max_bytes);
        }
        if (done == bytes.size()) {
            bytes.resize(std::min(bytes.size() * 2, max_bytes + 1));
        }
    }
    bytes.resize(done);
    return bytes;
}

std::string read_file(const std::string& path, size_t max_bytes) {
    return read_fd(open(path, O_RDONLY).get(), max_bytes);
}

std::optional<std::string> read_file_if_exists(const std::string& path, size_t max_bytes) {
    const auto fd = open_if_exists(path, O_RDONLY);
    if (!fd) {
        return std::nullopt;
    }
    return read_fd(fd->get(), max_bytes);
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
        if (count < 0) {
            const int error = errno;
            throw SysError(error, "write {}", describe_fd(fd));
        }
        bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void pwrite_all(int fd, std::string_view bytes, off_t offset) {
    while (!bytes.empty()) {
        const ssize_t count =
            retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), offset); });
        if (count < 0) {
            const int error = errno;
            throw SysError(error, "write {}", describe_fd(fd));
        }
        bytes.remove_prefix(static_cast<size_t>(count));
        offset += count;
    }
}

void write_file_atomic(const std::string& path,
                       std::string_view bytes,
                       mode_t mode,
                       Durability durability) {
    const auto slash = path.rfind('/');
    const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
    const std::string temporary =
        directory + (slash == path.npos ? "/" : "") + ".tmp-" + random_hex(8);
    UniqueFd fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    ScopeExit remove_temporary([&]() noexcept { (void)::unlink(temporary.c_str()); });
    doing([&] { return fmt::format("writing {}", path); },
          [&] {
              write_all(fd.get(), bytes);
              fchmod(fd.get(), mode);
              NAU_FAIL_POINT("sys.write_file_atomic.before_fsync");
              if (durability == Durability::durable) {
                  fsync(fd.get());
              }
          });
    fd.close_checked(path.c_str());
    NAU_FAIL_POINT("sys.write_file_atomic.before_rename");
    rename(temporary, path);
    remove_temporary.release();
    NAU_FAIL_POINT("sys.write_file_atomic.after_rename");
    if (durability == Durability::durable) {
        fsync_directory(directory);
    }
}

void write_existing(const std::string& path, std::string_view text) {
    const UniqueFd fd = open(path, O_WRONLY);
    const ssize_t count = retry([&] { return ::write(fd.get(), text.data(), text.size()); });
    if (count < 0) {
        throw SysError(errno, "write '{}' to {}", text, path);
    }
    if (static_cast<size_t>(count) != text.size()) {
        throw SysError(EIO, "write '{}' to {}: took {} bytes", text, path, count);
    }
}

AppendFile::AppendFile(const std::string& path, mode_t mode)
    : path_(path), fd_(open(path, O_WRONLY | O_APPEND | O_CREAT, mode)) {}

void AppendFile::append(std::string_view record) {
    const ssize_t count = retry([&] { return ::write(fd_.get(), record.data(), record.size()); });
    if (count < 0) {
        throw SysError(errno, "append to {}", path_);
    }
    if (static_cast<size_t>(count) != record.size()) {
        throw SysError(ENOSPC, "append to {}", path_);  // the only way a regular file cuts a write
    }
}

void AppendFile::fsync() {
    sys::fsync(fd_.get());
}

uint64_t AppendFile::size_bytes() const {
    return static_cast<uint64_t>(fstat(fd_.get()).st_size);
}

std::string describe_fd(int fd) {
    std::array<char, 4096> target;
    const std::string link = fmt::format("/proc/self/fd/{}", fd);
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    // Pipes and the like ("pipe:[123]") tell a reader less than the number.
    if (length <= 0 || target[0] != '/') {
        return fmt::format("fd {}", fd);
    }
    return {target.data(), static_cast<size_t>(length)};
}

// --- durability

void fsync(int fd) {
    if (retry([&] { return ::fsync(fd); }) != 0) {
        const int error = errno;
        throw SysError(error, "fsync {}", describe_fd(fd));
    }
}

void fdatasync(int fd) {
    if (retry([&] { return ::fdatasync(fd); }) != 0) {
        const int error = errno;
        throw SysError(error, "fdatasync {}", describe_fd(fd));
    }
}

void fsync_directory(const std::string& path) {
    fsync_directory(open(path, O_RDONLY | O_DIRECTORY).get());
}

void fsync_directory(int dir_fd) {
    if (retry([&] { return ::fsync(dir_fd); }) != 0) {
        const int error = errno;
        // A file system that has nothing to sync for a directory says so with EINVAL.
        if (error != EINVAL) {
            throw SysError(error, "fsync directory {}", describe_fd(dir_fd));
        }
    }
}

void syncfs(int fd) {
    if (::syncfs(fd) != 0) {
        const int error = errno;
        throw SysError(error, "syncfs {}", describe_fd(fd));
    }
}

// --- changing

void chmod(const std::string& path, mode_t mode) {
    if (::chmod(path.c_str(), mode) != 0) {
        throw SysError(errno, "chmod {}", path);
    }
}

void fchmod(int fd, mode_t mode) {
    if (::fchmod(fd, mode) != 0) {
        const int error = errno;
        throw SysError(error, "chmod {}", describe_fd(fd));
    }
}

void fchown(int fd, uid_t uid, gid_t gid) {
    if (::fchown(fd, uid, gid) != 0) {
        const int error = errno;
        throw SysError(error, "chown {}", describe_fd(fd));
    }
}

void ftruncate(int fd, off_t size) {
    if (retry([&] { return ::ftruncate(fd, size); }) != 0) {
        const int error = errno;
        throw SysError(error, "truncate {}", describe_fd(fd));
    }
}

bool fallocate(int fd, int mode, off_t offset, off_t length) {
    if (retry([&] { return ::fallocate(fd, mode, offset, length); }) == 0) {
        return true;
    }
    const int error = errno;
    if (error == EOPNOTSUPP || error == ENOSYS) {
        return false;
    }
    throw SysError(error, "fallocate {}", describe_fd(fd));
}

// --- making and copying

UniqueFd memfd_create(const char* name, unsigned flags) {
    const int fd = ::memfd_create(name, flags | MFD_CLOEXEC);
    if (fd < 0) {
        throw SysError(errno, "memfd_create {}", name);
    }
    return UniqueFd(fd);
}

namespace {

/// Bytes that copy_file_range moved before it ended or gave up; the slow road does the rest.
uint64_t copy_by_range(int from_fd, int to_fd, uint64_t length) {
    uint64_t done = 0;
    while (done < length) {
        const size_t chunk = static_cast<size_t>(std::min<uint64_t>(length - done, 1U << 30));
        const ssize_t count =
            retry([&] { return ::copy_file_range(from_fd, nullptr, to_fd, nullptr, chunk, 0); });
        if (count > 0) {
            done += static_cast<uint64_t>(count);
            continue;
        }
        const int error = count < 0 ? errno : 0;
        // 0 is the end, or a file of /proc, which only read() can tell. EBADF: `to` appends.
        constexpr std::array kTryRead = {0, EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EBADF, EPERM, EIO};
        if (std::ranges::find(kTryRead, error) == kTryRead.end()) {
            throw SysError(error, "copy to {}", describe_fd(to_fd));
        }
        break;
    }
    return done;
}

}  // namespace

uint64_t copy_data(int from_fd, int to_fd, uint64_t length) {
    uint64_t done = copy_by_range(from_fd, to_fd, length);
    std::unique_ptr<char[]> buffer;
    while (done < length) {
        if (!buffer) {
            buffer = std::make_unique_for_overwrite<char[]>(kCopyBuffer);
        }
        const size_t chunk = static_cast<size_t>(std::min<uint64_t>(length - done, kCopyBuffer));
        const size_t count = read_some(from_fd, buffer.get(), chunk);
        if (count == 0) {
            break;
        }
        write_all(to_fd, {buffer.get(), count});
        done += count;
    }
    return done;
}

int fcntl_get_flags(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) {
        throw SysError(errno, "fcntl {}", fd);
    }
    return flags;
}

void set_nonblocking(int fd, bool on) {
    const int flags = fcntl_get_flags(fd);
    const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0) {
        throw SysError(errno, "fcntl {}", fd);
    }
}

void set_close_on_exec(int fd, bool on) {
    if (::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) != 0) {
        throw SysError(errno, "fcntl {}", fd);
    }
}

}  // namespace nau::sys
