#pragma once

// Health checks as a user asks for them: flags over what the image says, and `healthcheck run`.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "monitor/health.h"
#include "oci/image_config.h"

namespace nau::engine {

class Engine;

/// --health-* and --no-healthcheck. Absent: the image's, or else the default.
struct HealthOptions {
    bool is_disabled = false;
    std::optional<std::string> command{};  ///< as typed: a shell's line, a JSON list, or "none"
    std::optional<std::chrono::nanoseconds> interval{};  ///< 0: only on request
    std::optional<std::chrono::nanoseconds> timeout{};
    std::optional<std::chrono::nanoseconds> start_period{};
    std::optional<std::chrono::nanoseconds> start_interval{};
    std::optional<uint64_t> retries{};
    std::optional<std::string> startup_command{};
    std::optional<std::chrono::nanoseconds> startup_interval{};
    std::optional<std::chrono::nanoseconds> startup_timeout{};
    std::optional<uint64_t> startup_retries{};
    std::optional<uint64_t> startup_successes{};
    monitor::HealthAction on_failure = monitor::HealthAction::none;
    std::optional<uint64_t> max_log_count{};
    std::optional<uint64_t> max_log_size{};
};

/// For the flags. @throws Error{invalid}
monitor::HealthAction parse_health_action(std::string_view word);
/// A restart policy in its shortest form. @throws Error{invalid}
std::string normal_restart_policy(std::string_view text);

/// nullopt: no checks. @throws Error{invalid}
std::optional<monitor::HealthConfig> make_health_config(
    const HealthOptions& options, const std::optional<oci::Healthcheck>& image);

struct HealthReport {
    std::string status;       ///< starting, healthy, unhealthy
    bool is_success = false;  ///< of this check
};
/// Makes a check now. @throws Error{invalid} when the container does not run or has no check
HealthReport check_health(Engine& engine, const std::string& name_or_id);

}  // namespace nau::engine
