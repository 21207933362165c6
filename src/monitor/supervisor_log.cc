// The container's output on its way to the log: the file or the journal, what is lost of it, and
// old files that are compressed.

#include <cerrno>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/log.h"
#include "monitor/supervisor.h"
#include "monitor/task_state.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

/// How long the container waits for a journal that takes nothing.
constexpr std::chrono::seconds kJournalPatience{10};
/// And how long its end does.
constexpr std::chrono::milliseconds kLastPatience{2000};

}  // namespace

void Supervisor::open_log() {
    const LogConfig& log = config_.log;
    if (log.is_file()) {
        log_.emplace(
            log.path,
            logs::LogLimits{.max_size_bytes = log.max_size_bytes,
                            .max_files = log.max_files,
                            .compresses = log.compresses},
            logs::Codec{.format = log.driver == LogDriver::json_file ? logs::Format::json_file
                                                                     : logs::Format::k8s_file,
                        .tag = log.tag});
    } else if (log.driver == LogDriver::journald) {
        journal_.emplace(
            log.path,
            logs::JournalWriter::Identity{.id = config_.id, .name = config_.name, .tag = log.tag});
    }
}

void Supervisor::deliver(logs::Stream stream, std::string_view bytes) {
    std::optional<logs::LogWriter::Position> place;
    const uint64_t lost = lost_log_bytes();
    if (log_) {
        place = log_->position();
        log_->write(stream, bytes, SystemClock().now());
    } else if (journal_) {
        journal_->write(stream, bytes);
    }
    if (lost_log_bytes() != lost) {
        place.reset();
        tell_of_loss();
    }
    for (const auto& client : connections_) {
        client->queue().offer(stream, bytes, place);
    }
    for (const auto& output : direct_outputs_) {
        output->queue().offer(stream, bytes, place);
    }
}

uint64_t Supervisor::lost_log_bytes() const noexcept {
    return (log_ ? log_->lost_bytes() : 0) + (journal_ ? journal_->lost_bytes() : 0);
}

/// Once: a disk that stays full would fill the journal with it. How much it was is told at the end.
void Supervisor::tell_of_loss() noexcept {
    if (has_told_of_loss_) {
        return;
    }
    has_told_of_loss_ = true;
    try {
        const std::string reason = errno_text(log_ ? log_->last_error() : journal_->last_error());
        NAU_LOG_WARN("log: {}: what the container writes is lost until there is room", reason);
        if (!config_.run_dir.empty()) {
            sys::write_file_atomic(
                log_loss_path(config_.run_dir).string(), reason, 0600, sys::Durability::relaxed);
        }
        auto attributes = config_.attributes;
        attributes["error"] = reason;
        attributes["logDriver"] = to_string(config_.log.driver);
        write_event({.time = SystemClock().now(),
                     .action = "log_lost",
                     .attributes = std::move(attributes)});
    } catch (const std::exception& error) {
        NAU_LOG_WARN("log: {}, ignoring", error.what());
    }
}

/// While the journal takes nothing, the container is not read, but not for ever.
void Supervisor::watch_journal() {
    const bool is_waiting = journal_ && journal_->is_waiting();
    if (is_waiting == is_journal_watched_) {
        return;
    }
    is_journal_watched_ = is_waiting;
    if (is_waiting) {
        loop_.add_fd(journal_->fd(), EPOLLOUT, [this](uint32_t) { flush_journal(); });
        journal_timer_ = loop_.add_timer(kJournalPatience, [this] {
            journal_->drop();
            tell_of_loss();
        });
    } else {
        loop_.remove_fd(journal_->fd());
        loop_.cancel_timer(journal_timer_);
    }
}

void Supervisor::flush_journal() {
    const uint64_t lost = lost_log_bytes();
    journal_->flush();
    if (lost_log_bytes() != lost) {
        tell_of_loss();
    }
}

/// The last of the output must be there before the end is told.
void Supervisor::finish_journal() {
    if (!journal_) {
        return;
    }
    const uint64_t lost = lost_log_bytes();
    journal_->flush_within(kLastPatience);
    if (lost_log_bytes() != lost) {
        tell_of_loss();
    }
    watch_journal();
}

/// One at a time, and none while a client reads old files: it knows them by number and plain.
void Supervisor::compress_old_logs(bool is_anybody_lagging) {
    if (!log_ || compressor_ || is_anybody_lagging) {
        return;
    }
    const auto file = log_->next_to_compress();
    if (!file) {
        return;
    }
    try {
        const auto source = log_->open_for_reading(*file);
        if (!source) {
            log_->give_up_compressing(*file);
            return;
        }
        compressor_.emplace(*file, source->get(), log_->temporary());
    } catch (const Error& error) {
        NAU_LOG_WARN("log: compressing: {}, ignoring", error.text());
        log_->give_up_compressing(*file);
    }
}

void Supervisor::finish_compressing(const sys::ExitStatus& status) {
    const uint64_t file = compressor_->file();
    compressor_.reset();
    if (status.shell_code() == 0) {
        log_->take_compressed(file);
    } else {
        NAU_LOG_WARN("log: an old file could not be compressed and stays as it is");
        log_->give_up_compressing(file);
    }
}

/// The files are the next monitor's.
void Supervisor::stop_compressing() noexcept {
    if (compressor_) {
        const uint64_t file = compressor_->file();
        compressor_.reset();
        log_->give_up_compressing(file);
    }
}

}  // namespace nau::monitor
