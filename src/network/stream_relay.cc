#include "network/stream_relay.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>

namespace nau::network {

namespace {

constexpr size_t kChunk = 256 * 1024;

bool is_temporary(int error) noexcept {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

StreamRelay::StreamRelay(sys::EventLoop& loop,
                         sys::UniqueFd first,
                         sys::UniqueFd second,
                         std::function<void()> ended)
    : loop_(loop), first_(std::move(first)), second_(std::move(second)), ended_(std::move(ended)) {
    for (Direction& direction : directions_) {
        direction.pipe = sys::pipe2(O_NONBLOCK);
        // A bigger one means fewer wake-ups; over the user's quota it stays as it is.
        (void)!::fcntl(direction.pipe.write.get(), F_SETPIPE_SZ, static_cast<int>(kChunk));
    }
    directions_[0].from = first_.get();
    directions_[0].to = second_.get();
    directions_[1].from = second_.get();
    directions_[1].to = first_.get();
    loop_.add_fd(second_.get(), EPOLLOUT, [this](uint32_t events) { on_event(events); });
    loop_.add_fd(first_.get(), 0, [this](uint32_t events) { on_event(events); });
}

StreamRelay::~StreamRelay() {
    loop_.remove_fd(first_.get());
    loop_.remove_fd(second_.get());
}

bool StreamRelay::pump(Direction& direction) noexcept {
    for (bool moved = true; moved;) {
        moved = false;
        if (!direction.has_ended) {
            const ssize_t got = ::splice(direction.from,
                                         nullptr,
                                         direction.pipe.write.get(),
                                         nullptr,
                                         kChunk,
                                         SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
            if (got > 0) {
                direction.buffered += static_cast<size_t>(got);
                moved = true;
            } else if (got == 0) {
                direction.has_ended = true;
            } else if (!is_temporary(errno)) {
                return false;
            }
        }
        while (direction.buffered > 0) {
            const ssize_t put = ::splice(direction.pipe.read.get(),
                                         nullptr,
                                         direction.to,
                                         nullptr,
                                         direction.buffered,
                                         SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
            if (put > 0) {
                direction.buffered -= static_cast<size_t>(put);
                moved = true;
                continue;
            }
            if (put < 0 && !is_temporary(errno)) {
                return false;
            }
            moved = false;
            break;
        }
    }
    if (direction.has_ended && direction.buffered == 0 && !direction.is_closed) {
        direction.is_closed = true;
        (void)::shutdown(direction.to, SHUT_WR);  // a peer that is gone needs no word
    }
    return true;
}

void StreamRelay::update_interest() {
    const auto interest = [&](int fd) {
        uint32_t events = 0;
        for (const Direction& direction : directions_) {
            if (direction.from == fd && !direction.has_ended && direction.buffered == 0) {
                events |= EPOLLIN;
            }
            if (direction.to == fd && direction.buffered > 0) {
                events |= EPOLLOUT;
            }
        }
        return events;
    };
    loop_.modify_fd(first_.get(), interest(first_.get()));
    loop_.modify_fd(second_.get(), interest(second_.get()));
}

void StreamRelay::end() {
    const auto ended = std::move(ended_);  // it destroys this relay
    ended();
}

void StreamRelay::on_event(uint32_t events) {
    if (is_connecting_) {
        int error = 0;
        socklen_t size = sizeof(error);
        (void)::getsockopt(second_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            // What the container refuses, the caller sees as refused.
            const linger at_once{.l_onoff = 1, .l_linger = 0};
            (void)!::setsockopt(first_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
            end();
            return;
        }
        if ((events & EPOLLOUT) == 0) {
            return;
        }
        is_connecting_ = false;
    }
    const bool is_alive = pump(directions_[0]) && pump(directions_[1]);
    if (!is_alive || (directions_[0].is_closed && directions_[1].is_closed)) {
        end();
        return;
    }
    update_interest();
}

}  // namespace nau::network
