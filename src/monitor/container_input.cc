#include "monitor/container_input.h"

#include <cerrno>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

namespace nau::monitor {

namespace {

constexpr char kEndOfTransmission = '\x04';  // the terminal's end-of-file character, VEOF
constexpr ContainerInput::ClientId kNobody = 0;

}  // namespace

ContainerInput::ContainerInput(sys::EventLoop& loop,
                               sys::UniqueFd fd,
                               bool is_terminal,
                               Callbacks callbacks)
    : loop_(loop), fd_(std::move(fd)), is_terminal_(is_terminal), callbacks_(std::move(callbacks)) {
    if (!is_terminal_) {
        loop_.add_fd(fd_.get(), 0, [this](uint32_t events) {
            if ((events & EPOLLERR) != 0) {
                close();
                callbacks_.closed();
            } else {
                flush();
            }
        });
    }
}

ContainerInput::~ContainerInput() {
    loop_.remove_fd(fd_.get());
}

void ContainerInput::watch(bool for_room) {
    const uint32_t events = for_room ? uint32_t{EPOLLOUT} : 0;
    if (events == watched_) {
        return;
    }
    watched_ = events;
    if (!is_terminal_) {
        // Watched all the time: EPOLLERR tells that the container has closed its end.
        loop_.modify_fd(fd_.get(), events);
    } else if (for_room) {
        loop_.add_fd(fd_.get(), events, [this](uint32_t) { flush(); });
    } else {
        loop_.remove_fd(fd_.get());  // whose hang-up is the reading side's business
    }
}

void ContainerInput::write(ClientId client, std::string_view bytes) {
    if (!is_open() || ends_) {
        callbacks_.taken(client, bytes.size());
        return;
    }
    pieces_.push_back({.client = client, .bytes = std::string(bytes)});
    if (pieces_.size() == 1) {
        flush();
    }
}

void ContainerInput::end() {
    if (!is_open() || ends_) {
        return;
    }
    if (is_terminal_) {
        write(kNobody, std::string_view(&kEndOfTransmission, 1));
        return;
    }
    ends_ = true;
    flush();
}

void ContainerInput::flush() {
    while (!pieces_.empty()) {
        Piece& piece = pieces_.front();
        const std::string_view rest = std::string_view(piece.bytes).substr(piece.sent);
        const ssize_t count =
            sys::retry([&] { return ::write(fd_.get(), rest.data(), rest.size()); });
        if (count < 0 && errno == EAGAIN) {
            watch(true);
            return;
        }
        if (count < 0) {
            close();
            callbacks_.closed();
            return;
        }
        piece.sent += static_cast<size_t>(count);
        if (piece.client != kNobody) {
            callbacks_.taken(piece.client, static_cast<size_t>(count));
        }
        if (piece.sent == piece.bytes.size()) {
            pieces_.pop_front();
        }
    }
    if (ends_) {
        close();
        return;
    }
    watch(false);
}

void ContainerInput::close() {
    loop_.remove_fd(fd_.get());
    fd_.reset();
    for (const Piece& piece : pieces_) {
        if (piece.client != kNobody) {
            callbacks_.taken(piece.client, piece.bytes.size() - piece.sent);
        }
    }
    pieces_.clear();
}

}  // namespace nau::monitor
