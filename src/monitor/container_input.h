#pragma once

// What clients type, on its way to the container's stdin: a pipe, or the terminal's master. The
// container takes it when it likes; until then it waits here, bounded by the windows of the
// clients.

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "sys/event_loop.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

class ContainerInput {
  public:
    using ClientId = uint64_t;
    struct Callbacks {
        /// The container has taken (or will never take) so many bytes of this client.
        std::function<void(ClientId, size_t)> taken;
        /// It has closed its stdin.
        std::function<void()> closed;
    };

    /// `fd` is non-blocking and used by nobody else.
    ContainerInput(sys::EventLoop& loop, sys::UniqueFd fd, bool is_terminal, Callbacks callbacks);
    ~ContainerInput();
    ContainerInput(const ContainerInput&) = delete;
    ContainerInput& operator=(const ContainerInput&) = delete;
    ContainerInput(ContainerInput&&) = delete;
    ContainerInput& operator=(ContainerInput&&) = delete;

    void write(ClientId client, std::string_view bytes);
    /// Behind what has been written, the container reads the end: a pipe is closed, on a terminal
    /// it is the end-of-file character.
    void end();
    bool is_open() const noexcept { return static_cast<bool>(fd_); }

  private:
    struct Piece {
        ClientId client;
        std::string bytes;
        size_t sent = 0;
    };

    void flush();
    void watch(bool for_room);
    void close();

    sys::EventLoop& loop_;
    sys::UniqueFd fd_;
    bool is_terminal_;
    Callbacks callbacks_;
    std::deque<Piece> pieces_;
    bool ends_ = false;
    uint32_t watched_ = 0;
};

}  // namespace nau::monitor
