#pragma once

// What a health check is and what follows from its results. Pure: health_probe runs the commands,
// the supervisor acts.
//
//   starting ──success──▶ healthy ◀──success── unhealthy
//      └───── `retries` failures in a row ────────▲
//
// Failures within the start period do not count until the first success. A start-up check, where
// there is one, is made instead of the regular one until it has succeeded often enough.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/time.h"

namespace nau::json {
class Field;
}  // namespace nau::json

namespace nau::monitor {

/// What becomes of a container that is unhealthy.
enum class HealthAction { none, kill, restart, stop };
std::string_view to_string(HealthAction action) noexcept;
/// @throws Error{invalid}
HealthAction parse_health_action(std::string_view word);

struct HealthCommand {
    /// As executed in the container.
    std::vector<std::string> argv{};
    /// 0: only when somebody asks for it.
    std::chrono::nanoseconds interval = std::chrono::seconds(30);
    std::chrono::nanoseconds timeout = std::chrono::seconds(30);
    /// Failures in a row that are too many; of a start-up check 0: never.
    uint64_t retries = 3;
    friend bool operator==(const HealthCommand&, const HealthCommand&) = default;
};

struct HealthConfig {
    HealthCommand check{};
    std::chrono::nanoseconds start_period{0};
    /// Between checks within the start period, until the first success.
    std::chrono::nanoseconds start_interval = std::chrono::seconds(5);
    std::optional<HealthCommand> startup{};
    /// How often the start-up check has to succeed.
    uint64_t startup_successes = 1;
    HealthAction on_failure = HealthAction::none;
    /// Of the results that are kept; 0: all of them, up to a bound.
    uint64_t max_log_count = 5;
    uint64_t max_log_size = 500;  ///< bytes of output of each; 0: up to a bound
    friend bool operator==(const HealthConfig&, const HealthConfig&) = default;
};

nlohmann::json to_json_value(const HealthConfig& config);
/// @throws Error{corrupt}
HealthConfig parse_health_config(const json::Field& field);

enum class HealthStatus { starting, healthy, unhealthy };
std::string_view to_string(HealthStatus status) noexcept;

struct HealthResult {
    Time start{};
    Time end{};
    /// 0: healthy; -1: it could not be run, or took too long (`output` says so).
    int exit_code = 0;
    std::string output{};
    bool is_success() const noexcept { return exit_code == 0; }
    friend bool operator==(const HealthResult&, const HealthResult&) = default;
};

/// What inspect shows.
struct HealthState {
    HealthStatus status = HealthStatus::starting;
    uint64_t failing_streak = 0;
    std::vector<HealthResult> log{};  ///< oldest first
    friend bool operator==(const HealthState&, const HealthState&) = default;
};

std::string to_json(const HealthState& state);
/// @throws Error{corrupt}
HealthState parse_health_state(std::string_view text);

/// health.json in the run directory, written after each check.
std::filesystem::path health_state_path(const std::filesystem::path& run_dir);
/// nullopt when there is none, or none that can be read.
std::optional<HealthState> read_health_state(const std::filesystem::path& run_dir) noexcept;

class HealthTracker {
  public:
    explicit HealthTracker(HealthConfig config) : config_(std::move(config)) {}

    const HealthConfig& config() const noexcept { return config_; }
    const HealthState& state() const noexcept { return state_; }
    /// The check that is due: the start-up check or the regular one.
    const HealthCommand& current() const noexcept;
    /// From one check (or the start) to the next; nullopt: none by itself. `age` is how long the
    /// container has been running.
    std::optional<std::chrono::nanoseconds> delay(std::chrono::nanoseconds age) const noexcept;

    struct Outcome {
        bool has_changed = false;  ///< the status
        HealthAction action = HealthAction::none;
    };
    Outcome record(HealthResult result, std::chrono::nanoseconds age);
    /// The container has been started again: the log stays.
    void start_over() noexcept;

  private:
    Outcome record_startup(bool is_success);

    HealthConfig config_;
    HealthState state_;
    bool has_passed_startup_ = false;
    bool has_succeeded_ = false;
    uint64_t startup_streak_ = 0;
};

}  // namespace nau::monitor
