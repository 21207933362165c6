#pragma once

// What a container writes, as entries of systemd's journal: the native protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL), one datagram for one line. Fields are podman's, so that
// `journalctl CONTAINER_NAME=web` finds the same. An entry that is too large for a datagram goes as
// a sealed memfd.
//
// The journal may be slow, full or gone, and the container may not suffer for ever: write() never
// blocks. What the journal does not take now waits here, and the owner reads no more of the
// container meanwhile (is_waiting()); after a while it gives up (drop()), and what is lost is
// counted.

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

#include "logs/codec.h"
#include "sys/unique_fd.h"

namespace nau::logs {

/// Where every systemd has it.
constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

class JournalWriter {
  public:
    struct Identity {
        std::string id{};  ///< in full
        std::string name{};
        /// Empty: none, and the name is the SYSLOG_IDENTIFIER.
        std::string tag{};
    };

    /// @throws Error{unavailable} with a hint when nobody listens
    JournalWriter(const std::filesystem::path& socket, const Identity& identity);

    /// Each line is an entry; the rest without '\n' is one at once, with CONTAINER_PARTIAL_MESSAGE.
    /// Never blocks, never throws.
    void write(Stream stream, std::string_view bytes) noexcept;

    /// Something waits until fd() is writable; then flush().
    bool is_waiting() const noexcept { return !pending_.empty(); }
    int fd() const noexcept { return socket_.get(); }
    void flush() noexcept;
    /// Waits for the journal, so long at most.
    void flush_within(std::chrono::milliseconds patience) noexcept;
    /// Loses what waits, and from now on whatever is not taken at once, until something is taken.
    void drop() noexcept;

    /// Bytes of the container that could not be written.
    uint64_t lost_bytes() const noexcept { return lost_bytes_; }
    /// The errno of the last loss.
    int last_error() const noexcept { return last_error_; }

  private:
    struct Piece {
        Stream stream;
        std::string bytes;
        size_t sent = 0;
    };

    int send(Stream stream, bool is_partial, std::string_view text) noexcept;
    int send_datagram(std::string_view entry) noexcept;
    int send_memfd(std::string_view entry) noexcept;
    bool send_some(Piece& piece) noexcept;
    void lose(size_t bytes, int error) noexcept;

    std::filesystem::path path_;
    /// The fields that each entry has.
    std::string fields_;
    sys::UniqueFd socket_;
    std::deque<Piece> pending_;
    bool is_stuck_ = false;
    uint64_t lost_bytes_ = 0;
    int last_error_ = 0;
};

}  // namespace nau::logs
