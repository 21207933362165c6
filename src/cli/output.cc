#include "cli/output.h"

#include <cerrno>

#include "sys/file.h"
#include "sys/terminal.h"

namespace nau::cli {

namespace {

constexpr size_t kFlushAt = 64 << 10;

}  // namespace

void Output::write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kFlushAt) {
        flush();
    }
}

void Output::flush() {
    if (buffer_.empty()) {
        return;
    }
    const std::string bytes = std::exchange(buffer_, {});
    try {
        sys::write_all(fd_, bytes);
    } catch (const SysError& error) {
        if (error.error() == EPIPE) {
            throw OutputClosed();
        }
        throw SysError(error.error(), "write standard output");
    }
}

bool Output::is_terminal() const noexcept {
    return sys::is_terminal(fd_);
}

size_t Output::columns_or(size_t fallback) const noexcept {
    if (!is_terminal()) {
        return fallback;
    }
    try {
        const auto size = sys::window_size(fd_);
        return size.columns == 0 ? fallback : size.columns;
    } catch (const Error&) {
        return fallback;  // a terminal that does not know its size
    }
}

}  // namespace nau::cli
