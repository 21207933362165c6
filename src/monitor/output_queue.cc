#include "monitor/output_queue.h"

#include <cerrno>
#include <memory>
#include <unistd.h>

#include "logs/codec.h"

namespace nau::monitor {

namespace {

FrameType frame_of(logs::Stream stream) noexcept {
    return stream == logs::Stream::standard_output ? FrameType::output : FrameType::error_output;
}

bool is_wanted(const OutputQueue::Wants& wants, logs::Stream stream) noexcept {
    return stream == logs::Stream::standard_output ? wants.output : wants.error_output;
}

/// Between two looks at the other things a monitor has to do.
constexpr int kMaxRounds = 16;

}  // namespace

void OutputQueue::fail(int error) {
    error_ = error;
    queue_.clear();
    queued_bytes_ = 0;
    lag_.reset();
    final_.reset();
}

void OutputQueue::update_wait() {
    const bool wanted = error_ == 0 && !is_idle();
    if (wanted != waits_) {
        waits_ = wanted;
        transport_->wait_writable(wanted);
    }
}

/// How many bytes need not wait.
size_t OutputQueue::send_now(FrameType type, std::string_view bytes) {
    const ssize_t count = transport_->send(type, bytes);
    if (count == -EAGAIN) {
        return 0;
    }
    if (count < 0) {
        fail(static_cast<int>(-count));
        return bytes.size();
    }
    return static_cast<size_t>(count);
}

void OutputQueue::enqueue(FrameType type, std::string_view bytes) {
    queue_.push_back({.type = type, .bytes = std::string(bytes)});
    queued_bytes_ += bytes.size();
}

void OutputQueue::offer(logs::Stream stream,
                        std::string_view bytes,
                        std::optional<logs::LogWriter::Position> place) {
    if (!is_wanted(wants_, stream) || error_ != 0 || is_too_slow_ || lag_) {
        return;
    }
    const size_t size = bytes.size();
    if (is_idle()) {
        bytes.remove_prefix(send_now(frame_of(stream), bytes));
    }
    if (bytes.empty()) {
        return;
    }
    const bool is_whole = bytes.size() == size;
    if (queued_bytes_ + bytes.size() > kLimit) {
        if (is_whole && place && log_ != nullptr) {
            start_lag(*place);
        }
        if (!lag_ && !wants_.is_lossless) {
            is_too_slow_ = true;
        }
    }
    if (!lag_ && !is_too_slow_) {
        enqueue(frame_of(stream), bytes);
    }
    update_wait();
}

void OutputQueue::push(FrameType type, std::string_view payload) {
    if (error_ != 0) {
        return;
    }
    if (queue_.empty() && transport_->send(type, payload) >= 0) {
        return;
    }
    enqueue(type, payload);
    update_wait();
}

void OutputQueue::finish(FrameType type, std::string payload) {
    if (error_ != 0 || final_ || is_finished_) {
        return;
    }
    final_ = Chunk{.type = type, .bytes = std::move(payload)};
    flush();
}

bool OutputQueue::send_queue() {
    while (!queue_.empty()) {
        Chunk& chunk = queue_.front();
        const std::string_view rest = std::string_view(chunk.bytes).substr(chunk.sent);
        const ssize_t count = transport_->send(chunk.type, rest);
        if (count == -EAGAIN) {
            return false;
        }
        if (count < 0) {
            fail(static_cast<int>(-count));
            return false;
        }
        queued_bytes_ -= static_cast<size_t>(count);
        chunk.sent += static_cast<size_t>(count);
        if (chunk.sent == chunk.bytes.size()) {
            queue_.pop_front();
        }
    }
    return true;
}

void OutputQueue::flush() {
    int rounds = 0;
    while (send_queue() && lag_ && read_from_log() && ++rounds < kMaxRounds) {
    }
    if (error_ == 0 && queue_.empty() && !lag_ && final_) {
        const ssize_t count = transport_->send(final_->type, final_->bytes);
        if (count >= 0) {
            final_.reset();
            is_finished_ = true;
        } else if (count != -EAGAIN) {
            fail(static_cast<int>(-count));
        }
    }
    update_wait();
}

void OutputQueue::start_lag(logs::LogWriter::Position place) {
    auto fd = log_->open_for_reading(place.file);
    if (fd) {
        lag_ = Lag{.file = place.file, .offset = place.offset, .fd = std::move(*fd)};
    }
}

/// The whole records at the beginning of the text go to the queue; their length.
size_t OutputQueue::take_records(std::string_view text) {
    size_t begin = 0;
    std::string record_text;
    std::string bytes;
    FrameType type{};
    for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
        const auto record = logs::parse_line(text.substr(begin, end - begin), record_text);
        begin = end + 1;
        if (!record || !is_wanted(wants_, record->stream)) {
            continue;
        }
        const size_t length = record->text.size() + 1;
        const bool is_full = bytes.size() + length > kMaxChunk;
        if (!bytes.empty() && (is_full || type != frame_of(record->stream))) {
            enqueue(type, bytes);
            bytes.clear();
        }
        type = frame_of(record->stream);
        bytes += record->text;
        if (!record->is_partial) {
            bytes += '\n';
        }
    }
    if (!bytes.empty()) {
        enqueue(type, bytes);
    }
    return begin;
}

/// false when there is nothing to send for now.
bool OutputQueue::read_from_log() {
    constexpr size_t kUsual = kMaxChunk + 4096;  // one record, nearly always
    for (const size_t size : {kUsual, logs::kMaxLine}) {
        const auto block = std::make_unique_for_overwrite<char[]>(size);
        const ssize_t count = sys::retry([&] {
            return ::pread(lag_->fd.get(), block.get(), size, static_cast<off_t>(lag_->offset));
        });
        const std::string_view text(block.get(), count > 0 ? static_cast<size_t>(count) : 0);
        const size_t taken = take_records(text);
        lag_->offset += taken;
        if (taken > 0) {
            return true;
        }
        if (text.size() < size) {
            break;
        }
    }
    if (log_->files_after(lag_->file) > 0) {
        return begin_next_log_file();
    }
    lag_.reset();  // caught up: what comes now is live
    return true;
}

bool OutputQueue::begin_next_log_file() {
    auto fd = log_->open_for_reading(lag_->file + 1);
    if (fd) {
        lag_ = Lag{.file = lag_->file + 1, .offset = 0, .fd = std::move(*fd)};
        return true;
    }
    // Somebody has removed it. A lossless reader goes on with what comes; nothing better is left.
    lag_.reset();
    is_too_slow_ = !wants_.is_lossless;
    return !is_too_slow_;
}

bool OutputQueue::blocks() const noexcept {
    if (!wants_.is_lossless || error_ != 0) {
        return false;
    }
    if (lag_) {
        return log_->is_full_for(lag_->file);
    }
    // With a log the next chunk makes it lag instead, unless the log fails.
    const size_t next = log_ != nullptr ? 0 : kMaxChunk;
    return queued_bytes_ + next > kLimit;
}

std::optional<uint64_t> OutputQueue::needed_log_file() const noexcept {
    return lag_ && wants_.is_lossless ? std::optional(lag_->file + 1) : std::nullopt;
}

}  // namespace nau::monitor
