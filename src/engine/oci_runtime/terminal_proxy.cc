#include "engine/oci_runtime/terminal_proxy.h"

#include <cerrno>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr size_t kChunk = 16 * 1024;

}  // namespace

TerminalProxy::TerminalProxy(sys::EventLoop& loop, sys::UniqueFd master)
    : loop_(loop), master_(std::move(master)) {
    sys::set_nonblocking(master_.get(), true);
    resize();
    loop_.add_fd(master_.get(), EPOLLIN, [this](uint32_t events) {
        if ((events & EPOLLOUT) != 0) {
            write_input();
        }
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !read_output()) {
            stop_master();
        }
    });
    if (sys::is_terminal(STDIN_FILENO)) {
        mode_.emplace(sys::TerminalMode::make_raw(STDIN_FILENO));
    }
    try {
        loop_.add_fd(STDIN_FILENO, EPOLLIN, [this](uint32_t) { read_input(); });
        has_input_ = true;
    } catch (const SysError& error) {
        NAU_LOG_DEBUG("standard input cannot be waited for: {}", error.what());
    }
}

TerminalProxy::~TerminalProxy() {
    stop_input();
    stop_master();
}

void TerminalProxy::stop_input() noexcept {
    has_input_ = false;
    loop_.remove_fd(STDIN_FILENO);
}

void TerminalProxy::stop_master() noexcept {
    has_master_ = false;
    loop_.remove_fd(master_.get());
}

void TerminalProxy::resize() noexcept {
    if (!sys::is_terminal(STDIN_FILENO)) {
        return;
    }
    try {
        sys::set_window_size(master_.get(), sys::window_size(STDIN_FILENO));
    } catch (const std::exception& error) {
        NAU_LOG_DEBUG("passing the window's size on: {}", error.what());
    }
}

void TerminalProxy::drain() {
    while (read_output()) {
    }
}

void TerminalProxy::read_input() {
    char buffer[kChunk];
    const long size = sys::raw::read(STDIN_FILENO, buffer, sizeof buffer);
    if (size == -EINTR || size == -EAGAIN) {
        return;
    }
    if (size <= 0) {
        stop_input();
        return;
    }
    pending_.append(buffer, static_cast<size_t>(size));
    write_input();
}

void TerminalProxy::write_input() {
    while (!pending_.empty()) {
        const long size = sys::raw::write(master_.get(), pending_.data(), pending_.size());
        if (size == -EINTR) {
            continue;
        }
        if (size == -EAGAIN) {
            break;
        }
        // Whoever read is gone: what was typed has no reader.
        pending_.erase(0, size < 0 ? pending_.size() : static_cast<size_t>(size));
    }
    // While the process does not read, nothing more is taken from the terminal.
    if (has_input_) {
        loop_.modify_fd(STDIN_FILENO, pending_.empty() ? EPOLLIN : 0U);
    }
    if (has_master_) {
        loop_.modify_fd(master_.get(), pending_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
    }
}

/// false when there is nothing more now, or for ever.
bool TerminalProxy::read_output() {
    char buffer[kChunk];
    const long size = sys::raw::read(master_.get(), buffer, sizeof buffer);
    if (size == -EINTR || size == -EAGAIN) {
        return size == -EINTR;
    }
    if (size <= 0) {  // EIO: the last slave is closed
        return false;
    }
    sys::write_all(STDOUT_FILENO, {buffer, static_cast<size_t>(size)});
    return true;
}

}  // namespace nau::engine::oci_runtime
