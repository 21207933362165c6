#include "engine/container/copy_stream.h"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/tar_writer.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr int kMaxDepth = 256;
constexpr size_t kPieceBytes = 256 * 1024;

class TreeToTar {
  public:
    explicit TreeToTar(int output_fd)
        : writer_([output_fd](std::span<const std::byte> bytes) {
              sys::write_all(output_fd,
                             {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
          }) {}

    void add(int directory, const std::string& name, const std::string& member, int depth);
    void finish() { writer_.finish(); }

  private:
    void add_regular(int directory, const std::string& name, oci::LayerEntry& entry);

    oci::TarWriter writer_;
    /// Device and inode of files with several names → the member that was written.
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

bool is_copied_attribute(const std::string& name) {
    return name.starts_with("user.") || name == "security.capability";
}

oci::LayerEntry describe(const struct ::stat& status, const std::string& member) {
    oci::LayerEntry entry;
    entry.path = member;
    entry.mode = status.st_mode & 07777U;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.modified = {.seconds = status.st_mtim.tv_sec,
                      .nanoseconds = static_cast<uint32_t>(status.st_mtim.tv_nsec)};
    return entry;
}

void TreeToTar::add_regular(int directory, const std::string& name, oci::LayerEntry& entry) {
    // O_NONBLOCK: it may have become a FIFO since it was looked at.
    const sys::UniqueFd file = sys::openat(directory, name, O_RDONLY | O_NONBLOCK);
    const auto status = sys::fstat(file.get());
    if (!S_ISREG(status.st_mode)) {
        throw Error(ErrorKind::invalid, "'{}' has changed while it was copied", name);
    }
    entry.size = static_cast<uint64_t>(status.st_size);
    writer_.add(entry);
    std::string piece(kPieceBytes, '\0');
    while (writer_.content_left() > 0) {
        const size_t wanted = std::min<uint64_t>(piece.size(), writer_.content_left());
        const size_t got = sys::read_some(file.get(), piece.data(), wanted);
        if (got == 0) {
            writer_.fill_with_zeros();  // it became shorter: the header is written
            return;
        }
        writer_.write_content(std::string_view(piece).substr(0, got));
    }
}

void TreeToTar::add(int directory, const std::string& name, const std::string& member, int depth) {
    if (depth > kMaxDepth) {
        throw Error(ErrorKind::invalid, "directories are nested more than {} deep", kMaxDepth);
    }
    const auto status = sys::fstatat_if_exists(directory, name);
    if (!status || S_ISSOCK(status->st_mode)) {
        return;
    }
    oci::LayerEntry entry = describe(*status, member);
    if (S_ISDIR(status->st_mode) || S_ISREG(status->st_mode)) {
        for (const auto& attribute : sys::listxattrat(directory, name)) {
            if (is_copied_attribute(attribute)) {
                if (auto value = sys::getxattrat(directory, name, attribute)) {
                    entry.xattrs.emplace(attribute, *std::move(value));
                }
            }
        }
    }
    if (S_ISDIR(status->st_mode)) {
        entry.type = oci::EntryType::directory;
        writer_.add(entry);
        const sys::UniqueFd inner = sys::openat(directory, name, O_RDONLY | O_DIRECTORY);
        auto entries = sys::list_directory(inner.get());
        std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
            return a.name < b.name;
        });
        for (const auto& child : entries) {
            add(inner.get(), child.name, fmt::format("{}/{}", member, child.name), depth + 1);
        }
        return;
    }
    if (status->st_nlink > 1) {
        const auto [place, is_first] =
            linked_.try_emplace({status->st_dev, status->st_ino}, member);
        if (!is_first) {
            entry.type = oci::EntryType::hard_link;
            entry.link_target = place->second;
            writer_.add(entry);
            return;
        }
    }
    if (S_ISREG(status->st_mode)) {
        add_regular(directory, name, entry);
        return;
    }
    if (S_ISLNK(status->st_mode)) {
        entry.type = oci::EntryType::symlink;
        entry.link_target = sys::readlinkat(directory, name);
    } else if (S_ISFIFO(status->st_mode)) {
        entry.type = oci::EntryType::fifo;
    } else {
        entry.type = S_ISBLK(status->st_mode) ? oci::EntryType::block_device
                                              : oci::EntryType::character_device;
        entry.device_major = major(status->st_rdev);
        entry.device_minor = minor(status->st_rdev);
    }
    writer_.add(entry);
}

mode_t type_bits(oci::EntryType type) noexcept {
    switch (type) {
        case oci::EntryType::directory:
            return S_IFDIR;
        case oci::EntryType::symlink:
            return S_IFLNK;
        case oci::EntryType::character_device:
            return S_IFCHR;
        case oci::EntryType::block_device:
            return S_IFBLK;
        case oci::EntryType::fifo:
            return S_IFIFO;
        case oci::EntryType::regular:
        case oci::EntryType::hard_link:
            return S_IFREG;
    }
    return S_IFREG;
}

/// A member's name without "." and empty parts. @throws Error{invalid} for ".."
std::string clean_member(const std::string& name) {
    std::string path;
    for (const auto part : split(name, '/')) {
        if (part == "..") {
            throw Error(ErrorKind::invalid, "the archive's member '{}' leaves its directory", name);
        }
        if (!part.empty() && part != ".") {
            path += fmt::format("/{}", part);
        }
    }
    return path;
}

class TarToTree {
  public:
    TarToTree(const sys::DirFd& root, std::string path, const CopyRules& rules)
        : root_(root), path_(std::move(path)), rules_(rules) {}

    void add(const oci::LayerEntry& entry, oci::TarReader& reader);
    /// Directories get their times last, when nothing more is written into them.
    void finish();

  private:
    struct Pending {
        std::string path;
        CopyItem item;
    };

    const sys::DirFd& root_;
    std::string path_;
    const CopyRules& rules_;
    std::vector<Pending> directories_;
};

void TarToTree::add(const oci::LayerEntry& entry, oci::TarReader& reader) {
    const std::string member = clean_member(entry.path);
    if (member.empty()) {
        return;  // the directory itself: it is there
    }
    const std::string path = path_ + member;
    (void)root_.mkdir_all_in_root(path.substr(0, path.rfind('/') + 1), 0755);
    const auto parent = root_.parent_in_root(path);
    if (entry.type == oci::EntryType::hard_link) {
        const auto existing = root_.parent_in_root(path_ + clean_member(entry.link_target));
        (void)sys::unlinkat_if_exists(parent.fd.get(), parent.name);
        sys::linkat(existing.fd.get(), existing.name, parent.fd.get(), parent.name);
        return;
    }
    CopyItem item{
        .mode = type_bits(entry.type) | entry.mode,
        .uid = entry.uid,
        .gid = entry.gid,
        .modified = {.tv_sec = entry.modified.seconds, .tv_nsec = entry.modified.nanoseconds},
        .link_target = entry.link_target};
    const auto made = make_item(parent.fd.get(), parent.name, item, rules_);
    if (entry.type == oci::EntryType::directory) {
        directories_.push_back({.path = path, .item = std::move(item)});
        return;
    }
    if (entry.type == oci::EntryType::regular && made) {
        while (const auto piece = reader.next_content()) {
            sys::pwrite_all(
                made->get(),
                {reinterpret_cast<const char*>(piece->bytes.data()), piece->bytes.size()},
                static_cast<off_t>(piece->offset));
        }
        sys::ftruncate(made->get(), static_cast<off_t>(entry.size));
    }
    if (made || entry.type == oci::EntryType::symlink || entry.type == oci::EntryType::fifo) {
        finish_item(parent.fd.get(), parent.name, item, rules_);
    }
    if (made && entry.type == oci::EntryType::regular) {
        for (const auto& [attribute, value] : entry.xattrs) {
            if (is_copied_attribute(attribute)) {
                sys::setxattrat(parent.fd.get(), parent.name, attribute, value);
            }
        }
    }
}

void TarToTree::finish() {
    for (auto each = directories_.rbegin(); each != directories_.rend(); ++each) {
        const auto parent = root_.parent_in_root(each->path);
        finish_item(parent.fd.get(), parent.name, each->item, rules_);
    }
}

}  // namespace

void write_tar_of(int directory,
                  const std::string& name,
                  const std::string& member_name,
                  int output_fd) {
    TreeToTar tar(output_fd);
    tar.add(directory, name, member_name, 0);
    tar.finish();
}

void unpack_tar(int input_fd,
                const sys::DirFd& root,
                const std::string& path,
                const CopyRules& rules) {
    auto stream = std::make_shared<oci::Decompressor>(
        [input_fd](std::span<std::byte> buffer) {
            return sys::read_some(input_fd, reinterpret_cast<char*>(buffer.data()), buffer.size());
        },
        oci::Compression::none);
    oci::TarReader reader([stream] {
        auto buffer = std::make_shared<std::vector<std::byte>>(kPieceBytes);
        const size_t got = stream->read(*buffer);
        return oci::Chunk{.bytes = std::span<const std::byte>(*buffer).first(got), .owner = buffer};
    });
    TarToTree tree(root, path == "/" ? "" : path, rules);
    while (const oci::LayerEntry* entry = reader.next()) {
        doing([&] { return fmt::format("unpacking '{}'", entry->path); },
              [&] { tree.add(*entry, reader); });
    }
    tree.finish();
}

}  // namespace nau::engine
