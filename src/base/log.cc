#include "base/log.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <unistd.h>

#include "base/error.h"

namespace nau::log {

namespace {

std::atomic<Level> current_level{Level::warn};
std::atomic<Sink> current_sink{nullptr};

constexpr std::array<std::string_view, 6> kNames = {
    "trace", "debug", "info", "warn", "error", "off"};

}  // namespace

void set_level(Level level) noexcept {
    current_level.store(level, std::memory_order_relaxed);
}

void set_sink(Sink sink) noexcept {
    current_sink.store(sink, std::memory_order_relaxed);
}

bool is_enabled(Level level) noexcept {
    return level >= current_level.load(std::memory_order_relaxed);
}

Level parse_level(std::string_view word) {
    for (size_t i = 0; i < kNames.size(); ++i) {
        if (kNames.at(i) == word) {
            return static_cast<Level>(i);
        }
    }
    throw Error(
        ErrorKind::invalid, "unknown log level '{}' (trace, debug, info, warn, error, off)", word);
}

void write(Level level, std::string_view message) noexcept {
    const int saved = errno;
    if (const Sink sink = current_sink.load(std::memory_order_relaxed)) {
        sink(level, message);
        errno = saved;
        return;
    }
    try {
        std::string line =
            fmt::format("nau: {}: {}\n", kNames.at(static_cast<size_t>(level)), message);
        (void)!::write(STDERR_FILENO, line.data(), line.size());  // no other place to complain
    } catch (...) {
        // Out of memory while logging: the message is lost, the work is not.
    }
    errno = saved;
}

}  // namespace nau::log
