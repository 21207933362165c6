#include "cli/files.h"

#include <cerrno>
#include <filesystem>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::cli {

namespace {

constexpr size_t kMaxOptionFileBytes = 1 << 20;

}  // namespace

std::string read_option_file(const std::string& path) {
    return sys::read_file(path, kMaxOptionFileBytes);
}

std::string read_all(int fd) {
    return sys::read_fd(fd, kMaxOptionFileBytes);
}

sys::UniqueFd open_input_file(const std::string& path) {
    return sys::open(path, O_RDONLY);
}

sys::UniqueFd create_output_file(const std::string& path) {
    return sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

std::string working_directory() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    if (error) {
        throw SysError(error.value(), "the working directory");
    }
    return path.string();
}

std::string absolute_path(const std::string& path) {
    if (path.starts_with('/')) {
        return path;
    }
    return (std::filesystem::path(working_directory()) / path).lexically_normal().string();
}

bool stdin_is_terminal() noexcept {
    return ::isatty(STDIN_FILENO) == 1;
}

bool selinux_is_enabled() noexcept {
    try {
        return sys::file_exists("/sys/fs/selinux/enforce");
    } catch (const Error&) {
        return false;
    }
}

IdFile::IdFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) {
        return;
    }
    try {
        (void)sys::open(path_, O_WRONLY | O_CREAT | O_EXCL, 0644);
    } catch (const SysError& error) {
        if (error.error() != EEXIST) {
            throw;
        }
        const std::string taken = std::exchange(path_, {});
        throw Error(ErrorKind::already_exists, "the container id file '{}' exists", taken)
            .with_hint("another container may use it; remove the file if none does");
    }
}

IdFile::~IdFile() {
    if (path_.empty() || is_written_) {
        return;
    }
    try {
        (void)sys::unlink_if_exists(path_);
    } catch (const Error&) {
        // The failure that brought us here is told.
    }
}

void IdFile::write(const std::string& id) {
    if (path_.empty()) {
        return;
    }
    const sys::UniqueFd file = sys::open(path_, O_WRONLY | O_TRUNC);
    sys::write_all(file.get(), id);
    is_written_ = true;
}

}  // namespace nau::cli
