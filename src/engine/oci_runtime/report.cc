#include "engine/oci_runtime/report.h"

#include <chrono>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "sys/file.h"

namespace nau::engine::oci_runtime {

namespace {

struct Target {
    int fd = STDERR_FILENO;
    LogFormat format = LogFormat::text;
};

Target& target() noexcept {
    static Target the_target;
    return the_target;
}

std::string_view level_word(log::Level level) noexcept {
    switch (level) {
        case log::Level::trace:
            return "trace";
        case log::Level::debug:
            return "debug";
        case log::Level::info:
            return "info";
        case log::Level::warn:
            return "warning";
        default:
            return "error";
    }
}

void write_line(log::Level level, std::string_view message) noexcept {
    try {
        const Target& to = target();
        const std::string line = format_log_line(to.format, level, message, SystemClock().now());
        (void)!::write(to.fd, line.data(), line.size());  // no other place to complain
    } catch (...) {
        // Out of memory while logging: the message is lost, the exit status still tells.
    }
}

/// To the second, as runc's logger has it.
std::string time_text(Time time) {
    std::string text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
    const size_t point = text.find('.');
    return point == std::string::npos ? text : text.substr(0, point) + "Z";
}

}  // namespace

std::string format_log_line(LogFormat format,
                            log::Level level,
                            std::string_view message,
                            Time time) {
    if (format == LogFormat::json) {
        return json::to_text(
                   {{"level", level_word(level)}, {"msg", message}, {"time", time_text(time)}}) +
               "\n";
    }
    return fmt::format("time=\"{}\" level={} msg={}\n",
                       time_text(time),
                       level_word(level),
                       json::to_text(message));
}

void open_log(const LogOptions& options) {
    Target& to = target();
    to.format = options.format;
    if (!options.path.empty()) {
        // It stays open to the end of the process: the last line is written on the way out.
        to.fd = sys::open(options.path, O_WRONLY | O_CREAT | O_APPEND, 0644).release();
    }
    log::set_level(options.is_debug ? log::Level::debug : log::Level::warn);
    log::set_sink(write_line);
}

void report_failure(std::string_view message) noexcept {
    write_line(log::Level::error, message);
    if (target().fd == STDERR_FILENO) {
        return;
    }
    try {
        const std::string line = fmt::format("{}\n", message);
        (void)!::write(STDERR_FILENO, line.data(), line.size());  // as above
    } catch (...) {
        // As above.
    }
}

}  // namespace nau::engine::oci_runtime
