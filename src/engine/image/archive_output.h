#pragma once

// Where an archive is written: a tar in a file or on standard output, or a directory. A file
// appears, or is replaced, when it is complete. Internal to the engine.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nau::engine {

class ArchiveOutput {
  public:
    ArchiveOutput() = default;
    ArchiveOutput(const ArchiveOutput&) = delete;
    ArchiveOutput& operator=(const ArchiveOutput&) = delete;
    /// Without finish(): what was written goes away again, where it can.
    virtual ~ArchiveOutput() = default;

    /// Parents first; once each.
    virtual void add_directory(const std::string& name) = 0;
    virtual void add_file(const std::string& name, std::string_view bytes) = 0;
    /// `size_bytes` of `fd` from its offset on.
    virtual void add_file(const std::string& name, int fd, uint64_t size_bytes) = 0;
    virtual void finish() = 0;
};

/// @param path "-": standard output
std::unique_ptr<ArchiveOutput> make_tar_output(const std::string& path);
/// @throws Error{already_exists} when the directory is there and not empty
std::unique_ptr<ArchiveOutput> make_directory_output(const std::string& path);

/// A file that appears when it is complete; "-" is standard output, and what is no regular file
/// (a pipe, /dev/null) is written to as it is.
class OutputFile {
  public:
    explicit OutputFile(const std::string& path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    OutputFile(OutputFile&&) = delete;
    OutputFile& operator=(OutputFile&&) = delete;

    int fd() const noexcept { return fd_; }
    void write(std::string_view bytes);
    /// @throws SysError
    void commit();

  private:
    std::string path_;
    std::string temporary_;  ///< empty: written in place
    int fd_ = -1;
    bool is_owned_ = false;
};

}  // namespace nau::engine
