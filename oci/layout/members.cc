#include "oci/layout/members.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "oci/layer/printable.h"
#include "oci/layer/tar_reader.h"
#include "oci/layout/member_name.h"
#include "sys/file.h"

namespace nau::oci {

namespace {

// A header and what stands around it; content is never read here.
constexpr size_t kScanBytes = 4096;
constexpr size_t kMaxMembers = 200'000;
constexpr int kMaxLinks = 8;

size_t read_at(int fd, uint64_t offset, std::span<std::byte> buffer) {
    const ssize_t count = sys::retry(
        [&] { return ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset)); });
    if (count < 0) {
        throw SysError(errno, "read {}", sys::describe_fd(fd));
    }
    return static_cast<size_t>(count);
}

struct Piece {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
};

class TarMembers final : public Members {
  public:
    explicit TarMembers(sys::UniqueFd file)
        : file_(std::make_shared<sys::UniqueFd>(std::move(file))) {
        scan();
    }

    std::optional<Member> find(const std::string& name) const override {
        const auto found = files_.find(name);
        if (found == files_.end()) {
            if (links_.contains(name)) {
                throw Error(ErrorKind::corrupt, "the archive has '{}' as a link", printable(name));
            }
            return std::nullopt;
        }
        return Member(file_, found->second.offset, found->second.size_bytes);
    }

    std::optional<Member> find_through_link(const std::string& name) const override {
        std::string current = name;
        for (int i = 0; i < kMaxLinks; ++i) {
            const auto link = links_.find(current);
            if (link == links_.end()) {
                return find(current);
            }
            current = resolve_member_link(current, link->second);
        }
        throw Error(
            ErrorKind::corrupt, "the archive has '{}' as a chain of links", printable(name));
    }

  private:
    void scan() {
        const auto size = static_cast<uint64_t>(sys::fstat(file_->get()).st_size);
        uint64_t next = 0;
        const auto buffer = std::make_shared<std::array<std::byte, kScanBytes>>();
        TarReader reader(
            [&] {
                const size_t count = read_at(file_->get(), next, *buffer);
                next += count;
                return Chunk{.bytes = std::span(*buffer).first(count), .owner = buffer};
            },
            TarLimits(),
            [&](uint64_t skipped) { next += skipped; });
        while (const LayerEntry* entry = reader.next()) {
            if (entry->type == EntryType::regular &&
                (reader.position() > size || entry->size > size - reader.position())) {
                throw Error(ErrorKind::corrupt, "tar archive is truncated");
            }
            add(*entry, reader.position());
        }
    }

    void add(const LayerEntry& entry, uint64_t offset) {
        if (files_.size() + links_.size() >= kMaxMembers) {
            throw Error(ErrorKind::corrupt, "the archive has more than {} files", kMaxMembers);
        }
        const std::string name = clean_member_name(entry.path);
        switch (entry.type) {
            case EntryType::directory:
                return;
            case EntryType::regular:
                if (entry.sparse_map) {
                    refuse(entry, "is a sparse file");
                }
                if (links_.contains(name) ||
                    !files_.try_emplace(name, Piece{.offset = offset, .size_bytes = entry.size})
                         .second) {
                    refuse(entry, "is in it twice");
                }
                return;
            case EntryType::symlink:
                if (files_.contains(name) || !links_.try_emplace(name, entry.link_target).second) {
                    refuse(entry, "is in it twice");
                }
                return;
            default:
                refuse(entry, "is neither a file nor a directory");
        }
    }

    [[noreturn]] static void refuse(const LayerEntry& entry, const char* problem) {
        throw Error(ErrorKind::corrupt, "'{}' {}", printable(entry.path), problem)
            .with_hint("this is no archive of images; 'nau import' takes a root file system");
    }

    std::shared_ptr<sys::UniqueFd> file_;
    std::map<std::string, Piece> files_;
    std::map<std::string, std::string> links_;
};

class DirectoryMembers final : public Members {
  public:
    explicit DirectoryMembers(sys::DirFd directory) : directory_(std::move(directory)) {}

    std::optional<Member> find(const std::string& name) const override {
        const int fd =
            sys::try_openat2(directory_.fd(),
                             clean_member_name(name).c_str(),
                             O_RDONLY | O_NONBLOCK | O_CLOEXEC,
                             0,
                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (fd == -ENOENT || fd == -ENOTDIR) {
            return std::nullopt;
        }
        if (fd == -ELOOP) {
            throw Error(ErrorKind::corrupt, "the directory has '{}' as a link", printable(name));
        }
        if (fd < 0) {
            throw SysError(-fd, "open {}", printable(name));
        }
        auto file = std::make_shared<sys::UniqueFd>(fd);
        const struct ::stat status = sys::fstat(fd);
        if (!S_ISREG(status.st_mode)) {
            throw Error(ErrorKind::corrupt, "'{}' is no regular file", printable(name));
        }
        return Member(std::move(file), 0, static_cast<uint64_t>(status.st_size));
    }

  private:
    sys::DirFd directory_;
};

}  // namespace

size_t Member::read(uint64_t offset, std::span<std::byte> buffer) const {
    if (offset >= size_bytes_) {
        return 0;
    }
    const auto wanted = std::min<uint64_t>(size_bytes_ - offset, buffer.size());
    const size_t count =
        read_at(file_->get(), offset_ + offset, buffer.first(static_cast<size_t>(wanted)));
    if (count == 0) {
        throw Error(ErrorKind::corrupt, "the archive became shorter while it was read");
    }
    return count;
}

std::string Member::read_all(size_t max_bytes, std::string_view name) const {
    if (size_bytes_ > max_bytes) {
        throw Error(ErrorKind::corrupt,
                    "'{}' is {} bytes long, more than the {} that are allowed",
                    printable(name),
                    size_bytes_,
                    max_bytes);
    }
    std::string text(static_cast<size_t>(size_bytes_), '\0');
    for (size_t filled = 0; filled < text.size();) {
        filled += read(filled, std::as_writable_bytes(std::span(text)).subspan(filled));
    }
    return text;
}

Member Members::get(const std::string& name) const {
    auto member = find(name);
    if (!member) {
        throw Error(ErrorKind::corrupt, "the archive has no '{}'", printable(name));
    }
    return *std::move(member);
}

std::unique_ptr<Members> open_tar_members(sys::UniqueFd file) {
    return std::make_unique<TarMembers>(std::move(file));
}

std::unique_ptr<Members> open_directory_members(sys::DirFd directory) {
    return std::make_unique<DirectoryMembers>(std::move(directory));
}

}  // namespace nau::oci
