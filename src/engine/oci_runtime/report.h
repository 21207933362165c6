#pragma once

// How the OCI runtime command line tells what goes wrong: one line each, as runc's logger writes
// them, on standard error or in the file of --log, where the engine above reads them.

#include <string>
#include <string_view>

#include "base/log.h"
#include "base/time.h"

namespace nau::engine::oci_runtime {

enum class LogFormat { text, json };

/// `time="…" level=error msg="…"`, or the same as a JSON object; with its line end.
std::string format_log_line(LogFormat format,
                            log::Level level,
                            std::string_view message,
                            Time time);

struct LogOptions {
    std::string path;  ///< empty: standard error
    LogFormat format = LogFormat::text;
    bool is_debug = false;
};

/// From now on all that is logged goes there. Logging is process-wide, and so is this.
/// @throws SysError when the file cannot be opened for appending
void open_log(const LogOptions& options);

/// The final error: to the log, and as plain text to standard error when that is another place.
void report_failure(std::string_view message) noexcept;

}  // namespace nau::engine::oci_runtime
