#include "monitor/exit_record.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kMaxSize = 64 * 1024;

constexpr std::array<std::string_view, 9> kCauses = {"exited",
                                                     "signaled",
                                                     "oom",
                                                     "timeout",
                                                     "user",
                                                     "health",
                                                     "start_failed",
                                                     "monitor_failed",
                                                     "unknown"};

template <typename T>
json::Value or_null(const std::optional<T>& value) {
    return value ? json::Value(*value) : json::Value(nullptr);
}

Time parse_time(const json::Field& field) {
    const auto time = parse_rfc3339(field.as_string());
    if (!time) {
        field.fail("is no RFC 3339 time");
    }
    return *time;
}

}  // namespace

std::string_view to_string(ExitCause cause) noexcept {
    return kCauses[static_cast<size_t>(cause)];
}

ExitCause parse_exit_cause(std::string_view word) noexcept {
    for (size_t i = 0; i < kCauses.size(); ++i) {
        if (kCauses[i] == word) {
            return static_cast<ExitCause>(i);
        }
    }
    return ExitCause::unknown;
}

std::string to_json(const ExitRecord& record) {
    json::Value value = {{"version", kVersion},
                         {"id", record.id},
                         {"exitCode", or_null(record.exit_code)},
                         {"signal", record.signal},
                         {"cause", std::string(to_string(record.cause))},
                         {"oomKilled", record.oom_killed},
                         {"monitorLost", record.monitor_lost},
                         {"restartCount", record.restart_count},
                         {"startedAt", nullptr},
                         {"finishedAt", format_rfc3339(record.finished_at)},
                         {"memoryPeakBytes", or_null(record.memory_peak_bytes)},
                         {"cpuNs", or_null(record.cpu_ns)},
                         {"ioReadBytes", or_null(record.io_read_bytes)},
                         {"ioWrittenBytes", or_null(record.io_written_bytes)},
                         {"logLostBytes", record.log_lost_bytes},
                         {"error", record.error}};
    if (record.started_at) {
        value["startedAt"] = format_rfc3339(*record.started_at);
    }
    return json::to_text(value);
}

ExitRecord parse_exit_record(std::string_view text) {
    const json::Value value = json::parse(text, "exit record");
    const json::Field root(value, "exit record");
    if (root.at("version").as_int64() > kVersion) {
        root.at("version").fail("is of a newer nau");
    }
    ExitRecord record;
    record.id = root.string_or("id", "");
    if (const auto code = root.optional_int64("exitCode")) {
        record.exit_code = static_cast<int>(*code);
    }
    record.signal = static_cast<int>(root.int64_or("signal", 0));
    record.cause = parse_exit_cause(root.string_or("cause", "unknown"));
    record.oom_killed = root.bool_or("oomKilled", false);
    record.monitor_lost = root.bool_or("monitorLost", false);
    record.restart_count = root.uint64_or("restartCount", 0);
    if (const auto started = root.find("startedAt")) {
        record.started_at = parse_time(*started);
    }
    record.finished_at = parse_time(root.at("finishedAt"));
    record.memory_peak_bytes = root.optional_uint64("memoryPeakBytes");
    record.cpu_ns = root.optional_uint64("cpuNs");
    record.io_read_bytes = root.optional_uint64("ioReadBytes");
    record.io_written_bytes = root.optional_uint64("ioWrittenBytes");
    record.log_lost_bytes = root.uint64_or("logLostBytes", 0);
    record.error = root.string_or("error", "");
    return record;
}

std::filesystem::path exit_record_path(const std::filesystem::path& run_dir) {
    return run_dir / "exit";
}

void write_exit_record(const std::filesystem::path& run_dir, const ExitRecord& record) {
    NAU_FAIL_POINT("monitor.exit_record.before_write");
    // Relaxed: the run directory is on tmpfs and does not outlive the boot.
    sys::write_file_atomic(
        exit_record_path(run_dir).string(), to_json(record) + "\n", 0600, sys::Durability::relaxed);
    NAU_FAIL_POINT("monitor.exit_record.written");
}

std::optional<ExitRecord> read_exit_record(const std::filesystem::path& run_dir) {
    const std::string path = exit_record_path(run_dir).string();
    const auto text = sys::read_file_if_exists(path, kMaxSize);
    if (!text) {
        return std::nullopt;
    }
    return doing(path, [&] { return parse_exit_record(*text); });
}

}  // namespace nau::monitor
