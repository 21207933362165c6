#pragma once

// A directory of its own for a test, removed with all below it when the test ends. In memory where
// the test would otherwise mostly wait for fsync.

#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include "sys/file.h"

namespace nau::test {

class TempDir {
  public:
    enum class Medium { disk, memory };

    explicit TempDir(Medium medium = Medium::disk)
        : path_(sys::make_temporary_directory(parent(medium), "nau-test-")) {}
    ~TempDir() {
        try {
            sys::remove_tree(path_);
        } catch (...) {  // a left-over in /tmp is no reason to end the tests
        }
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    TempDir(TempDir&&) = delete;
    TempDir& operator=(TempDir&&) = delete;

    const std::string& path() const noexcept { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    std::string operator/(std::string_view name) const { return file(std::string(name)); }

    /// Replaces the content of a file below the directory, or makes it.
    void write(std::string_view name, std::string_view text) const {
        const auto fd = sys::open(*this / name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        sys::write_all(fd.get(), text);
    }
    std::string read(std::string_view name) const {
        return sys::read_file(*this / name, size_t{1} << 30);
    }

  private:
    static const char* parent(Medium medium) {
        const bool has_memory = medium == Medium::memory && ::access("/dev/shm", W_OK) == 0;
        return has_memory ? "/dev/shm" : "/tmp";
    }

    std::string path_;
};

}  // namespace nau::test
