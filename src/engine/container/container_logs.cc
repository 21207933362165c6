#include "engine/container/container_logs.h"

#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_config.h"
#include "engine/container/container_log.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "logs/reader.h"
#include "monitor/task_state.h"
#include "sys/pipe.h"

namespace nau::engine {

namespace {

using Sink = std::function<bool(const LogLine&)>;

/// The log of one container and how to know that it has ended. Touches neither store nor engine.
class LogFile {
  public:
    LogFile(const storage::Paths& paths, const storage::ContainerId& id, size_t source)
        : source_(source),
          path_(paths.container_log(id)),
          run_dir_(paths.container_run(id)),
          monitor_(monitor::find_monitor(run_dir_)) {}

    void read(const ContainerLogsOptions& options,
              int stop_fd,
              const Sink& sink,
              const std::function<void()>& idle) const {
        logs::ReadOptions read;
        read.tail = options.tail;
        read.since = options.since;
        read.until = options.until;
        read.follow = options.follows;
        read.end_directory = run_dir_;
        read.end_fd = monitor_ ? monitor_->get() : -1;
        read.stop_fd = stop_fd;
        read.has_ended = [&] { return monitor::task_has_ended(run_dir_); };
        logs::read_log(
            path_,
            read,
            [&](const logs::Entry& entry) {
                return sink({.source = source_,
                             .time = entry.record.time,
                             .stream = entry.record.stream == logs::Stream::standard_output
                                           ? LogStream::out
                                           : LogStream::err,
                             .text = entry.record.text,
                             .is_partial = entry.record.is_partial,
                             .begins_line = entry.begins_line});
            },
            idle);
    }

  private:
    size_t source_;
    std::filesystem::path path_;
    std::filesystem::path run_dir_;
    std::optional<sys::UniqueFd> monitor_;
};

/// A thread for each log, one at a time at the sink. The first that fails, or whose sink has
/// enough, ends all.
class Followers {
  public:
    Followers(const ContainerLogsOptions& options,
              const Sink& sink,
              const std::function<void()>& idle)
        : options_(options), sink_(sink), idle_(idle) {}

    void run(const std::list<LogFile>& logs) {
        std::list<std::jthread> threads;
        for (const LogFile& log : logs) {
            is_caught_up_ = false;
            threads.emplace_back([this, &log] { follow(log); });
            // What was written before appears container by container.
            std::unique_lock lock(mutex_);
            caught_up_.wait(lock, [&] { return is_caught_up_; });
        }
        threads.clear();
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

  private:
    void follow(const LogFile& log) {
        try {
            log.read(
                options_,
                stop_.read.get(),
                [&](const LogLine& line) {
                    const std::lock_guard lock(mutex_);
                    if (!is_stopped() && !sink_(line)) {
                        stop();
                    }
                    return !is_stopped();
                },
                [&] {
                    const std::lock_guard lock(mutex_);
                    if (idle_ && !is_stopped()) {
                        idle_();
                    }
                    note_caught_up();
                });
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!failure_) {
                failure_ = std::current_exception();
            }
            stop();
        }
        const std::lock_guard lock(mutex_);
        note_caught_up();
    }

    void note_caught_up() {
        is_caught_up_ = true;
        caught_up_.notify_one();
    }

    bool is_stopped() const noexcept { return !stop_.write; }
    /// The other end hangs up: all that wait see it.
    void stop() noexcept { stop_.write.reset(); }

    const ContainerLogsOptions& options_;
    const Sink& sink_;
    const std::function<void()>& idle_;
    sys::Pipe stop_ = sys::pipe2();
    std::mutex mutex_;
    std::condition_variable caught_up_;
    bool is_caught_up_ = false;
    std::exception_ptr failure_;
};

}  // namespace

std::vector<LogSource> find_log_sources(Engine& engine, const std::vector<std::string>& names) {
    std::vector<LogSource> sources;
    for (const auto& name : names) {
        const auto id = find_container(engine, name);
        const storage::Container record = engine.store_for_reading().records().containers.get(id);
        check_log_is_kept(parse_container_config(record.config), id, name);
        sources.push_back({.id = id.to_string(), .name = record.name});
    }
    return sources;
}

namespace {

void read_logs(Engine& engine,
               const std::vector<LogSource>& sources,
               const ContainerLogsOptions& options,
               const Sink& sink,
               const std::function<void()>& idle) {
    std::list<LogFile> logs;
    for (size_t i = 0; i < sources.size(); ++i) {
        logs.emplace_back(
            engine.store_for_reading().paths(), storage::ContainerId::parse(sources[i].id), i);
    }
    if (options.follows && logs.size() > 1) {
        Followers(options, sink, idle).run(logs);
        return;
    }
    bool has_enough = false;
    for (const LogFile& log : logs) {
        log.read(
            options,
            -1,
            [&](const LogLine& line) {
                has_enough = !sink(line);
                return !has_enough;
            },
            idle);
        if (has_enough) {
            return;
        }
    }
}

}  // namespace

void read_container_logs(Engine& engine,
                         const std::vector<LogSource>& sources,
                         const ContainerLogsOptions& options,
                         const std::function<bool(const LogLine&)>& sink,
                         const std::function<void()>& idle) {
    read_logs(engine, sources, options, sink, idle);
    if (idle) {
        idle();  // what is said now stands behind the output
    }
    for (const LogSource& source : sources) {
        const std::string loss =
            describe_log_loss(engine.store_for_reading(), storage::ContainerId::parse(source.id));
        if (!loss.empty()) {
            NAU_LOG_WARN("container {}: {}", source.name, loss);
        }
    }
}

}  // namespace nau::engine
