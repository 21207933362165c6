#pragma once

// `nau logs`: what containers wrote, from their log files.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace nau::engine {

class Engine;

enum class LogStream { out, err };

struct LogLine {
    size_t source = 0;  ///< which of the containers
    Time time;
    LogStream stream = LogStream::out;
    std::string_view text;    ///< without the line end
    bool is_partial = false;  ///< the line goes on in the next piece: no line end was written here
    bool begins_line = true;  ///< where a time stamp or a name is printed
};

struct ContainerLogsOptions {
    bool follows = false;  ///< until the container ends
    std::optional<Time> since;
    std::optional<Time> until;
    std::optional<uint64_t> tail;  ///< the last so many lines
};

/// A container whose log can be read.
struct LogSource {
    std::string id;
    std::string name;
};

/// @throws Error{unsupported} when a log driver keeps nothing
std::vector<LogSource> find_log_sources(Engine& engine, const std::vector<std::string>& names);

/// Calls `sink` for each piece, and `idle` before each wait for more; a sink that returns false
/// ends the reading. Of several containers the one is read after the other; followed, all of them
/// at once as soon as what they had written before has been read. `sink` and `idle` are never
/// called twice at a time.
void read_container_logs(Engine& engine,
                         const std::vector<LogSource>& sources,
                         const ContainerLogsOptions& options,
                         const std::function<bool(const LogLine&)>& sink,
                         const std::function<void()>& idle = {});

}  // namespace nau::engine
