#include "engine/image/open_archive.h"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/engine.h"
#include "oci/layer/decompress.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kHeadBytes = 512;
constexpr size_t kCopyBytes = size_t{1} << 20U;

/// The beginning of a stream, and the rest of it behind.
class HeadedSource {
  public:
    explicit HeadedSource(int fd) : fd_(fd) {
        head_.resize(kHeadBytes);
        size_t filled = 0;
        while (filled < head_.size()) {
            const size_t count = sys::read_some(
                fd_, reinterpret_cast<char*>(head_.data()) + filled, head_.size() - filled);
            if (count == 0) {
                break;
            }
            filled += count;
        }
        head_.resize(filled);
    }

    std::span<const std::byte> head() const noexcept { return head_; }

    size_t read(std::span<std::byte> buffer) {
        if (given_ < head_.size()) {
            const size_t size = std::min(buffer.size(), head_.size() - given_);
            std::memcpy(buffer.data(), head_.data() + given_, size);
            given_ += size;
            return size;
        }
        return sys::read_some(fd_, reinterpret_cast<char*>(buffer.data()), buffer.size());
    }

  private:
    int fd_;
    std::vector<std::byte> head_;
    size_t given_ = 0;
};

/// The archive is a user's own file, which may be much smaller than what is in it.
oci::DecompressLimits limits() {
    oci::DecompressLimits limits;
    limits.ratio_grace_bytes = uint64_t{4} << 30U;
    return limits;
}

sys::UniqueFd spool(Engine& engine, HeadedSource& source, const std::stop_token& stop) {
    const std::string directory = engine.store_for_writing().paths().ingests();
    sys::UniqueFd file = sys::open(directory, O_TMPFILE | O_RDWR, 0600);
    oci::Decompressor decompressor([&](std::span<std::byte> buffer) { return source.read(buffer); },
                                   oci::Compression::none,
                                   limits());
    std::vector<std::byte> buffer(kCopyBytes);
    for (;;) {
        if (stop.stop_requested()) {
            throw Error(ErrorKind::interrupted, "stopped");
        }
        const size_t count = decompressor.read(buffer);
        try {
            sys::write_all(file.get(),
                           std::string_view(reinterpret_cast<const char*>(buffer.data()), count));
        } catch (const SysError& error) {
            SysError failure(error.error(), "keep the archive below {}", directory);
            failure.with_hint(
                "a plain tar on disk is read where it lies: decompress it, or name it with -i");
            throw failure;
        }
        if (count < buffer.size()) {
            return file;
        }
    }
}

bool is_at_start_of_file(int fd, const struct ::stat& status) {
    return S_ISREG(status.st_mode) && ::lseek(fd, 0, SEEK_CUR) == 0;
}

}  // namespace

std::shared_ptr<oci::Members> open_archive(Engine& engine,
                                           const std::string& path,
                                           const std::stop_token& stop) {
    if (path != "-" && sys::is_directory(path)) {
        return oci::open_directory_members(sys::DirFd::open_root(path));
    }
    sys::UniqueFd file = path == "-" ? sys::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3))
                                     : sys::open(path, O_RDONLY);
    if (!file) {
        throw SysError(EBADF, "standard input");
    }
    const bool can_seek = is_at_start_of_file(file.get(), sys::fstat(file.get()));
    HeadedSource source(file.get());
    if (source.head().empty()) {
        throw Error(ErrorKind::corrupt, "it is empty");
    }
    const bool is_plain =
        oci::detect_compression(source.head(), oci::Compression::none) == oci::Compression::none;
    if (is_plain && can_seek) {
        return oci::open_tar_members(std::move(file));
    }
    return oci::open_tar_members(spool(engine, source, stop));
}

}  // namespace nau::engine
