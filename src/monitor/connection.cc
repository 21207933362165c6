#include "monitor/connection.h"

#include <cerrno>
#include <sys/epoll.h>
#include <unistd.h>

namespace nau::monitor {

Connection::Connection(sys::EventLoop& loop,
                       Id id,
                       sys::UniqueFd socket,
                       const logs::LogWriter* log,
                       Readable readable)
    : loop_(loop), id_(id), socket_(std::move(socket)), queue_(*this, log) {
    loop_.add_fd(socket_.get(), EPOLLIN, [this, readable = std::move(readable)](uint32_t events) {
        if ((events & EPOLLOUT) != 0) {
            queue_.flush();
        }
        if ((events & ~uint32_t{EPOLLOUT}) != 0) {
            readable(*this);
        }
    });
}

Connection::~Connection() {
    loop_.remove_fd(socket_.get());
}

ssize_t Connection::send(FrameType type, std::string_view bytes) noexcept {
    const int error = try_send_frame(socket_.get(), type, bytes);
    return error != 0 ? -error : static_cast<ssize_t>(bytes.size());
}

void Connection::wait_writable(bool wanted) {
    loop_.modify_fd(socket_.get(), wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

DirectOutput::DirectOutput(sys::EventLoop& loop,
                           sys::UniqueFd fd,
                           logs::Stream stream,
                           const logs::LogWriter* log)
    : loop_(loop), fd_(std::move(fd)), stream_(stream), queue_(*this, log) {
    const bool is_output = stream == logs::Stream::standard_output;
    queue_.set_wants({.output = is_output, .error_output = !is_output, .is_lossless = true});
}

DirectOutput::~DirectOutput() {
    loop_.remove_fd(fd_.get());
}

ssize_t DirectOutput::send(FrameType type, std::string_view bytes) noexcept {
    if (type != FrameType::output && type != FrameType::error_output) {
        return static_cast<ssize_t>(bytes.size());  // the end: nothing to write
    }
    const ssize_t count =
        sys::retry([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
    return count < 0 ? -errno : count;
}

void DirectOutput::wait_writable(bool wanted) {
    // Not watched otherwise: that nobody reads any more is told by the next write, as to any
    // program.
    if (wanted) {
        loop_.add_fd(fd_.get(), EPOLLOUT, [this](uint32_t) { queue_.flush(); });
    } else {
        loop_.remove_fd(fd_.get());
    }
}

}  // namespace nau::monitor
