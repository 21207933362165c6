#pragma once

// One client of a monitor: the starter, or somebody who came through attach.sock. Its frames are
// handed to the supervisor; it knows only how to send.

#include <cstdint>
#include <functional>

#include "monitor/output_queue.h"
#include "sys/event_loop.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

class Connection final : public Transport {
  public:
    using Id = uint64_t;
    /// Called when something can be received.
    using Readable = std::function<void(Connection&)>;

    Connection(sys::EventLoop& loop,
               Id id,
               sys::UniqueFd socket,
               const logs::LogWriter* log,
               Readable readable);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    Connection(Connection&&) = delete;
    Connection& operator=(Connection&&) = delete;

    ssize_t send(FrameType type, std::string_view bytes) noexcept override;
    void wait_writable(bool wanted) override;

    Id id() const noexcept { return id_; }
    int fd() const noexcept { return socket_.get(); }
    OutputQueue& queue() noexcept { return queue_; }

    /// Plain state, kept by the supervisor.
    struct State {
        bool is_starter = false;
        /// It takes part in one run of the container and hears of that run's end.
        bool is_attached = false;
        bool wants_health = false;
        /// hello or start has been answered.
        bool is_greeted = false;
        bool wants_exit = false;
        /// Its end may be the end of the container's input.
        bool owns_input = false;
        bool has_detached = false;
        bool has_acknowledged = false;
        /// Its last frame is on the way.
        bool has_been_told = false;
        /// The peer has closed, or is to be let go.
        bool is_gone = false;
        /// Bytes of input that the client does not know to be taken, and those of them that are.
        uint32_t input_pending = 0;
        uint32_t input_taken = 0;
    };
    State state{};

  private:
    sys::EventLoop& loop_;
    Id id_;
    sys::UniqueFd socket_;
    OutputQueue queue_;
};

/// A descriptor of the starter to which the monitor writes one stream itself.
class DirectOutput final : public Transport {
  public:
    DirectOutput(sys::EventLoop& loop,
                 sys::UniqueFd fd,
                 logs::Stream stream,
                 const logs::LogWriter* log);
    ~DirectOutput() override;
    DirectOutput(const DirectOutput&) = delete;
    DirectOutput& operator=(const DirectOutput&) = delete;
    DirectOutput(DirectOutput&&) = delete;
    DirectOutput& operator=(DirectOutput&&) = delete;

    ssize_t send(FrameType type, std::string_view bytes) noexcept override;
    void wait_writable(bool wanted) override;

    logs::Stream stream() const noexcept { return stream_; }
    OutputQueue& queue() noexcept { return queue_; }

  private:
    sys::EventLoop& loop_;
    sys::UniqueFd fd_;
    logs::Stream stream_;
    OutputQueue queue_;
};

}  // namespace nau::monitor
