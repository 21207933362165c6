#pragma once

// The few files that flags name on the host.

#include <string>

#include "sys/unique_fd.h"

namespace nau::cli {

/// An --env-file or --label-file. @throws SysError; Error{invalid} when it is larger than a
/// megabyte
std::string read_option_file(const std::string& path);

/// All that comes, up to a megabyte. @throws SysError; Error{invalid} when it is more
std::string read_all(int fd);

/// A file to read from or to write to (created, or emptied). @throws SysError
sys::UniqueFd open_input_file(const std::string& path);
sys::UniqueFd create_output_file(const std::string& path);

/// The directory that relative paths of the command line start from. @throws SysError
std::string working_directory();

/// `path` below the working directory, unless it is absolute.
std::string absolute_path(const std::string& path);

/// Whether a person would have to type what a command wants to read from standard input.
bool stdin_is_terminal() noexcept;

/// Whether SELinux decides on this machine, so that a label would mean something.
bool selinux_is_enabled() noexcept;

/// A --cidfile for a container that is yet to be made: creates the empty file, so that nobody else
/// takes the name, and removes it unless write() was called.
class IdFile {
  public:
    /// An empty path does nothing. @throws Error{already_exists}, SysError
    explicit IdFile(std::string path);
    ~IdFile();
    IdFile(const IdFile&) = delete;
    IdFile& operator=(const IdFile&) = delete;
    IdFile(IdFile&&) = delete;
    IdFile& operator=(IdFile&&) = delete;

    /// @throws SysError
    void write(const std::string& id);

  private:
    std::string path_;
    bool is_written_ = false;
};

}  // namespace nau::cli
