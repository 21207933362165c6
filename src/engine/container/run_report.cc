#include "engine/container/run_report.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "engine/container/signals.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using json::Value;
using std::chrono::steady_clock;

template <typename T>
Value or_null(const std::optional<T>& value) {
    return value ? Value(*value) : Value(nullptr);
}

Value text_or_null(const std::string& text) {
    return text.empty() ? Value(nullptr) : Value(text);
}

Value time_or_null(const std::optional<Time>& time) {
    return time ? Value(format_rfc3339(*time)) : Value(nullptr);
}

Value span(const std::optional<steady_clock::time_point>& from,
           const std::optional<steady_clock::time_point>& to) {
    return from && to
               ? Value(std::chrono::duration_cast<std::chrono::nanoseconds>(*to - *from).count())
               : Value(nullptr);
}

}  // namespace

RunReport::RunReport(const std::string& path) : path_(path) {
    if (!path.empty()) {
        file_ = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    }
}

void RunReport::note_image(const ResolvedImage& image) {
    image_ready_ = steady_clock::now();
    image_ = image.name;
    image_id_ = image.image_id.to_string();
    image_digest_ = image.manifest_digest.to_string();
}

void RunReport::note_created(const storage::Container& record) {
    created_ = steady_clock::now();
    record_ = record;
}

void RunReport::note_started() {
    started_ = steady_clock::now();
}

void RunReport::note_end(const std::optional<monitor::ExitRecord>& end) {
    ended_ = steady_clock::now();
    end_ = end;
}

std::string RunReport::text(const std::string& error, std::optional<int> exit_code) const {
    const monitor::ExitRecord none;
    const monitor::ExitRecord& end = end_ ? *end_ : none;
    const auto cause = end_            ? end.cause
                       : error.empty() ? monitor::ExitCause::unknown
                                       : monitor::ExitCause::start_failed;
    const Value value = {
        {"version", 1},
        {"id", record_ ? Value(record_->id.to_string()) : Value(nullptr)},
        {"name", record_ ? Value(record_->name) : Value(nullptr)},
        {"image", text_or_null(image_)},
        {"imageId", text_or_null(image_id_)},
        {"imageDigest", text_or_null(image_digest_)},
        {"command", record_ ? Value(record_->command) : Value(nullptr)},
        {"exitCode", or_null(exit_code ? exit_code : end.exit_code)},
        {"signal", end.signal != 0 ? Value(signal_name(end.signal)) : Value(nullptr)},
        {"cause", std::string(monitor::to_string(cause))},
        {"oomKilled", end.oom_killed},
        {"error", text_or_null(error.empty() ? end.error : error)},
        {"startedAt", time_or_null(end.started_at)},
        {"finishedAt", end_ ? time_or_null(end.finished_at) : Value(nullptr)},
        {"memoryPeakBytes", or_null(end.memory_peak_bytes)},
        {"cpuNs", or_null(end.cpu_ns)},
        {"ioReadBytes", or_null(end.io_read_bytes)},
        {"ioWrittenBytes", or_null(end.io_written_bytes)},
        {"logLostBytes", end.log_lost_bytes},
        {"timingsNs",
         {{"image", span(begun_, image_ready_)},
          {"create", span(image_ready_, created_)},
          {"start", span(created_, started_)},
          {"run", span(started_, ended_)},
          {"total", span(begun_, steady_clock::now())}}}};
    return json::to_text(value) + "\n";
}

void RunReport::write() {
    if (file_) {
        doing(path_, [&] { sys::write_all(file_.get(), text("", std::nullopt)); });
    }
}

void RunReport::write_failure(const Error& error, int exit_code) noexcept {
    if (!file_) {
        return;
    }
    try {
        sys::write_all(file_.get(), text(error.text(), exit_code));
    } catch (const std::exception& failure) {
        NAU_LOG_WARN("{}: {}, ignoring", path_, failure.what());
    }
}

}  // namespace nau::engine
