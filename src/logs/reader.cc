#include "logs/reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "logs/codec.h"
#include "logs/gzip_blocks.h"
#include "sys/file.h"
#include "sys/file_series.h"
#include "sys/file_watch.h"

namespace nau::logs {

namespace {

using std::chrono::milliseconds;

size_t index_of(Stream stream) noexcept {
    return stream == Stream::standard_output ? 0 : 1;
}

bool is_selected(const ReadOptions& options, Stream stream) noexcept {
    return stream == Stream::standard_output ? options.standard_output : options.standard_error;
}

Time now() {
    return SystemClock().now();
}

/// Finds where the last N lines begin, by looking at the records backwards. The streams are mixed:
/// behind the first record of the tail there may be records of the other stream that belong to a
/// line before the tail. They are counted, to be left out when they are met again.
class TailFinder {
  public:
    TailFinder(const ReadOptions& options, uint64_t lines) : options_(options), left_(lines) {}

    /// true when everything from the next record on is in the tail, but for excluded().
    bool is_before_tail(std::string_view line) {
        const auto record = parse_line(line, text_);
        if (!record || !is_selected(options_, record->stream)) {
            return false;
        }
        StreamState& state = streams_[index_of(record->stream)];
        const bool ends_line = !record->is_partial || !state.is_seen;
        state.is_seen = true;
        if (state.is_closed || (ends_line && left_ == 0)) {
            state.is_closed = true;
            if (is_complete(line.size())) {
                return true;
            }
            ++state.excluded;
            return false;
        }
        left_ -= ends_line ? 1 : 0;
        state.is_open = true;
        return false;
    }

    /// How many records of the stream are to be skipped at first.
    std::array<uint64_t, 2> excluded() const noexcept {
        return {streams_[0].excluded, streams_[1].excluded};
    }

  private:
    struct StreamState {
        bool is_seen = false;
        /// Some of it is in the tail.
        bool is_open = false;
        /// Its part of the tail is complete.
        bool is_closed = false;
        uint64_t excluded = 0;
    };

    /// Whether no earlier record can belong to the tail. A line in pieces with so much of the other
    /// stream between them is not looked for.
    bool is_complete(size_t length) {
        constexpr size_t kLookBehind = 256 * 1024;
        looked_behind_ += length;
        const auto is_done = [](const StreamState& state) {
            return state.is_closed || !state.is_open;
        };
        return looked_behind_ > kLookBehind || (is_done(streams_[0]) && is_done(streams_[1]));
    }

    const ReadOptions& options_;
    uint64_t left_;
    std::array<StreamState, 2> streams_;
    std::string text_;
    size_t looked_behind_ = 0;
};

class Reader {
  public:
    Reader(const std::filesystem::path& path,
           const ReadOptions& options,
           const std::function<bool(const Entry&)>& sink,
           const std::function<void()>& idle)
        : options_(options), sink_(sink), idle_(idle), lines_(path.string(), open_gzip_blocks) {
        if (options_.follow) {
            watch_.add_directory(path.parent_path().string());
            if (!options_.end_directory.empty()) {
                watch_.add_directory(options_.end_directory.string());
            }
        }
    }

    void run() {
        if (options_.tail) {
            TailFinder finder(options_, *options_.tail);
            lines_.seek_backwards([&](auto line) { return finder.is_before_tail(line); });
            skip_ = finder.excluded();
        }
        while (true) {
            watch_.clear();
            // First this, then the rest: the last byte is written before the end can be seen.
            const bool has_ended = options_.follow && options_.has_ended && options_.has_ended();
            if (!read_available()) {
                return;
            }
            if (idle_) {
                idle_();
            }
            if (!options_.follow || has_ended || !wait()) {
                return;
            }
        }
    }

  private:
    /// false when the sink has enough, or `until` has come.
    bool read_available() {
        while (const auto line = lines_.next()) {
            const auto record = parse_line(*line, text_);
            if (!record) {
                NAU_LOG_WARN("log: a line is no record, ignoring");
                continue;
            }
            if (!show(*record)) {
                return false;
            }
        }
        return !options_.until || now() <= *options_.until;
    }

    bool show(const Record& record) {
        if (!is_selected(options_, record.stream)) {
            return true;
        }
        const size_t stream = index_of(record.stream);
        if (skip_[stream] > 0) {
            --skip_[stream];
            return true;
        }
        const Entry entry{record, !is_inside_line_[stream]};
        if ((options_.since && record.time < *options_.since) ||
            (options_.until && record.time > *options_.until)) {
            return true;
        }
        is_inside_line_[stream] = record.is_partial;
        return sink_(entry);
    }

    /// false when it is to stop.
    bool wait() {
        milliseconds patience = watch_.patience();
        if (options_.until) {
            const auto left =
                std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*options_.until - now()));
            patience = patience.count() < 0 ? left : std::min(patience, left);
        }
        std::array<pollfd, 3> fds = {pollfd{watch_.fd(), POLLIN, 0},
                                     pollfd{options_.stop_fd, POLLIN, 0},
                                     pollfd{end_fd_is_silent_ ? -1 : options_.end_fd, POLLIN, 0}};
        const auto timeout = static_cast<int>(
            std::min<int64_t>(patience.count(), milliseconds(std::chrono::hours(24)).count()));
        (void)::poll(fds.data(), fds.size(), timeout);  // EINTR: looks again, no harm
        // A pidfd stays readable for ever; once it has spoken, has_ended decides.
        end_fd_is_silent_ = end_fd_is_silent_ || fds[2].revents != 0;
        return fds[1].revents == 0;
    }

    const ReadOptions& options_;
    const std::function<bool(const Entry&)>& sink_;
    const std::function<void()>& idle_;
    sys::FileWatch watch_;  // before the first look, so that nothing is missed
    sys::LineReader lines_;
    std::string text_;
    std::array<uint64_t, 2> skip_ = {0, 0};
    std::array<bool, 2> is_inside_line_ = {false, false};
    bool end_fd_is_silent_ = false;
};

/// Collects what goes to one descriptor and writes it in one piece.
class Printer {
  public:
    explicit Printer(const PrintOptions& options) : options_(options) {}

    bool print(const Entry& entry) {
        const bool is_output = entry.record.stream == Stream::standard_output;
        const int fd = is_output ? options_.output_fd : options_.error_fd;
        if (fd != fd_ || text_.size() >= kFull) {
            flush();
            fd_ = fd;
        }
        if (entry.begins_line) {
            text_ += options_.prefix;
            if (options_.timestamps) {
                text_ += format_rfc3339(entry.record.time);
                text_ += ' ';
            }
        }
        text_ += entry.record.text;
        if (!entry.record.is_partial) {
            text_ += '\n';
        }
        return !is_closed_;
    }

    void flush() {
        if (text_.empty() || is_closed_) {
            return;
        }
        try {
            sys::write_all(fd_, text_);
        } catch (const SysError& error) {
            if (error.error() != EPIPE) {
                throw;
            }
            is_closed_ = true;
        }
        text_.clear();
    }

  private:
    static constexpr size_t kFull = 64 * 1024;

    const PrintOptions& options_;
    std::string text_;
    int fd_ = -1;
    bool is_closed_ = false;
};

}  // namespace

void read_log(const std::filesystem::path& path,
              const ReadOptions& options,
              const std::function<bool(const Entry&)>& sink,
              const std::function<void()>& idle) {
    Reader(path, options, sink, idle).run();
}

void print_log(const std::filesystem::path& path,
               const ReadOptions& options,
               const PrintOptions& print) {
    Printer printer(print);
    read_log(
        path,
        options,
        [&](const Entry& entry) { return printer.print(entry); },
        [&] { printer.flush(); });
    printer.flush();
}

}  // namespace nau::logs
