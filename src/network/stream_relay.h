#pragma once

// Two streams connected to each other: what one side sends is moved to the other by splice, without
// passing through this process's memory. Half-closed connections stay half closed.

#include <array>
#include <cstdint>
#include <functional>

#include "sys/event_loop.h"
#include "sys/pipe.h"
#include "sys/unique_fd.h"

namespace nau::network {

class StreamRelay {
  public:
    /// `second` may still be connecting. `ended` is called once, from the loop, when both sides are
    /// done or one has failed; it may destroy the relay.
    StreamRelay(sys::EventLoop& loop,
                sys::UniqueFd first,
                sys::UniqueFd second,
                std::function<void()> ended);
    ~StreamRelay();
    StreamRelay(const StreamRelay&) = delete;
    StreamRelay& operator=(const StreamRelay&) = delete;
    StreamRelay(StreamRelay&&) = delete;
    StreamRelay& operator=(StreamRelay&&) = delete;

  private:
    struct Direction {
        int from = -1;
        int to = -1;
        sys::Pipe pipe;
        size_t buffered = 0;
        bool has_ended = false;  ///< nothing more comes
        bool is_closed = false;  ///< and the other side has been told
    };
    void on_event(uint32_t events);
    /// false: the connection is broken.
    bool pump(Direction& direction) noexcept;
    void update_interest();
    void end();

    sys::EventLoop& loop_;
    sys::UniqueFd first_;
    sys::UniqueFd second_;
    std::function<void()> ended_;
    std::array<Direction, 2> directions_;
    bool is_connecting_ = true;
};

}  // namespace nau::network
