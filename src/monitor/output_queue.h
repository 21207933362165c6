#pragma once

// One reader of the container's output, however slow. Its output takes the first of these roads
// that is open:
//
//   direct     nothing waits: straight to the socket or file
//   queue      at most kLimit bytes in memory
//   log        the reader lags: it gets what it missed from the log, record by record, until it has
//              caught up
//   too slow   the log cannot hold more for it (or there is none). A lossless reader makes the
//              container wait (blocks()); any other is let go (is_too_slow())
//
// Frames that are not output (windows, the end) go the same way, so that order is kept; the last
// one waits until everything has been read.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "logs/writer.h"
#include "monitor/protocol.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

/// Where an OutputQueue's bytes go.
class Transport {
  public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    Transport(Transport&&) = delete;
    Transport& operator=(Transport&&) = delete;
    virtual ~Transport() = default;

    /// How many bytes were taken (a frame's are all or none), or -errno; -EAGAIN: not now.
    virtual ssize_t send(FrameType type, std::string_view bytes) noexcept = 0;
    /// Whether OutputQueue::flush() is to be called when more can be sent.
    virtual void wait_writable(bool wanted) = 0;
};

class OutputQueue {
  public:
    static constexpr size_t kLimit = 64 * 1024;

    struct Wants {
        bool output = false;
        bool error_output = false;
        bool is_lossless = false;
    };

    /// Borrows both; `log` may be null.
    OutputQueue(Transport& transport, const logs::LogWriter* log)
        : transport_(&transport), log_(log) {}

    void set_wants(Wants wants) noexcept { wants_ = wants; }
    const Wants& wants() const noexcept { return wants_; }

    /// New output. `place` is where it begins in the log, nullopt when it is not there in full.
    void offer(logs::Stream stream,
               std::string_view bytes,
               std::optional<logs::LogWriter::Position> place);
    /// Any other frame.
    void push(FrameType type, std::string_view payload);
    /// The last frame, when everything before it has gone.
    void finish(FrameType type, std::string payload);

    /// More can be sent.
    void flush();

    /// Nothing waits.
    bool is_idle() const noexcept { return queue_.empty() && !lag_ && !final_; }
    /// It is fed from the log.
    bool is_lagging() const noexcept { return lag_.has_value(); }
    /// finish() was called and done.
    bool is_finished() const noexcept { return is_finished_; }
    /// The container has to wait for this reader.
    bool blocks() const noexcept;
    bool is_too_slow() const noexcept { return is_too_slow_; }
    /// The errno that ended it; 0: it works.
    int error() const noexcept { return error_; }
    /// The oldest log file that is still needed.
    std::optional<uint64_t> needed_log_file() const noexcept;

  private:
    struct Chunk {
        FrameType type;
        std::string bytes;
        size_t sent = 0;
    };
    struct Lag {
        uint64_t file;
        uint64_t offset;
        sys::UniqueFd fd;
    };

    size_t send_now(FrameType type, std::string_view bytes);
    bool send_queue();
    bool read_from_log();
    bool begin_next_log_file();
    size_t take_records(std::string_view text);
    void start_lag(logs::LogWriter::Position place);
    void enqueue(FrameType type, std::string_view bytes);
    void fail(int error);
    void update_wait();

    Transport* transport_;
    const logs::LogWriter* log_;
    Wants wants_;
    std::deque<Chunk> queue_;
    size_t queued_bytes_ = 0;
    std::optional<Lag> lag_;
    std::optional<Chunk> final_;
    bool is_finished_ = false;
    bool is_too_slow_ = false;
    bool waits_ = false;
    int error_ = 0;
};

}  // namespace nau::monitor
