#pragma once

// The files of an archive of images, by name: a tar that can be seeked in, or a directory. What is
// found is a piece of an open file, which several threads may read at once. Names are those of
// clean_member_name().
//
// A tar is looked through once, header by header, without reading what is in its files. It is
// refused when two files have one name, or when it holds anything that no archive of images has.
// Symbolic links, which old docker wrote for a layer that stands in it twice, lead to another
// member or nowhere. In a directory no link is followed at all.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sys/dir_fd.h"
#include "sys/unique_fd.h"

namespace nau::oci {

class Member {
  public:
    Member(std::shared_ptr<sys::UniqueFd> file, uint64_t offset, uint64_t size_bytes) noexcept
        : file_(std::move(file)), offset_(offset), size_bytes_(size_bytes) {}

    uint64_t size_bytes() const noexcept { return size_bytes_; }
    /// As many bytes as there are from `offset` on, up to the buffer's size; 0 at the end.
    /// @throws SysError; Error{corrupt} when the file became shorter
    size_t read(uint64_t offset, std::span<std::byte> buffer) const;
    /// @throws Error{corrupt} when it is longer than `max_bytes`
    std::string read_all(size_t max_bytes, std::string_view name) const;

  private:
    std::shared_ptr<sys::UniqueFd> file_;
    uint64_t offset_;
    uint64_t size_bytes_;
};

class Members {
  public:
    Members() = default;
    Members(const Members&) = delete;
    Members& operator=(const Members&) = delete;
    virtual ~Members() = default;

    /// @throws Error{corrupt} when there is something of the name that is no file
    virtual std::optional<Member> find(const std::string& name) const = 0;
    /// As find(), but also through a symbolic link of the archive, where it knows any.
    virtual std::optional<Member> find_through_link(const std::string& name) const {
        return find(name);
    }
    /// @throws Error{corrupt} naming the file that is missing
    Member get(const std::string& name) const;
};

/// @param file readable, and seekable. @throws Error{corrupt}
std::unique_ptr<Members> open_tar_members(sys::UniqueFd file);
std::unique_ptr<Members> open_directory_members(sys::DirFd directory);

}  // namespace nau::oci
