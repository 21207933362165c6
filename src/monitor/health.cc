#include "monitor/health.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

using std::chrono::nanoseconds;

constexpr std::array<std::string_view, 4> kActions = {"none", "kill", "restart", "stop"};
constexpr std::array<std::string_view, 3> kStatuses = {"starting", "healthy", "unhealthy"};
constexpr size_t kMaxStateSize = size_t{4} * 1024 * 1024;
/// "0: all" still has an end.
constexpr uint64_t kMostResults = 100;

json::Value to_value(const HealthCommand& check) {
    return {{"argv", check.argv},
            {"intervalNs", check.interval.count()},
            {"timeoutNs", check.timeout.count()},
            {"retries", check.retries}};
}

HealthCommand parse_command(const json::Field& field) {
    HealthCommand check;
    check.argv = field.string_list_or_empty("argv");
    check.interval = nanoseconds(field.int64_or("intervalNs", check.interval.count()));
    check.timeout = nanoseconds(field.int64_or("timeoutNs", check.timeout.count()));
    check.retries = field.uint64_or("retries", check.retries);
    return check;
}

Time parse_time(const json::Field& field) {
    const auto time = parse_rfc3339(field.as_string());
    if (!time) {
        field.fail("is no RFC 3339 time");
    }
    return *time;
}

}  // namespace

std::string_view to_string(HealthAction action) noexcept {
    return kActions[static_cast<size_t>(action)];
}

HealthAction parse_health_action(std::string_view word) {
    const auto found = std::ranges::find(kActions, word);
    if (found == kActions.end()) {
        throw Error(ErrorKind::invalid, "unknown action '{}' (none, kill, restart, stop)", word);
    }
    return static_cast<HealthAction>(found - kActions.begin());
}

std::string_view to_string(HealthStatus status) noexcept {
    return kStatuses[static_cast<size_t>(status)];
}

json::Value to_json_value(const HealthConfig& config) {
    json::Value value = to_value(config.check);
    value["startPeriodNs"] = config.start_period.count();
    value["startIntervalNs"] = config.start_interval.count();
    value["startupSuccesses"] = config.startup_successes;
    value["onFailure"] = std::string(to_string(config.on_failure));
    value["maxLogCount"] = config.max_log_count;
    value["maxLogSize"] = config.max_log_size;
    if (config.startup) {
        value["startup"] = to_value(*config.startup);
    }
    return value;
}

HealthConfig parse_health_config(const json::Field& field) {
    HealthConfig config;
    config.check = parse_command(field);
    config.start_period = nanoseconds(field.int64_or("startPeriodNs", 0));
    config.start_interval =
        nanoseconds(field.int64_or("startIntervalNs", config.start_interval.count()));
    config.startup_successes = field.uint64_or("startupSuccesses", config.startup_successes);
    try {
        config.on_failure = parse_health_action(field.string_or("onFailure", "none"));
    } catch (const Error& error) {
        field.fail(error.text());
    }
    config.max_log_count = field.uint64_or("maxLogCount", config.max_log_count);
    config.max_log_size = field.uint64_or("maxLogSize", config.max_log_size);
    if (const auto startup = field.find("startup")) {
        config.startup = parse_command(*startup);
    }
    return config;
}

std::string to_json(const HealthState& state) {
    json::Value log = json::Value::array();
    for (const HealthResult& result : state.log) {
        log.push_back({{"Start", format_rfc3339(result.start)},
                       {"End", format_rfc3339(result.end)},
                       {"ExitCode", result.exit_code},
                       {"Output", result.output}});
    }
    return json::to_text({{"Status", std::string(to_string(state.status))},
                          {"FailingStreak", state.failing_streak},
                          {"Log", std::move(log)}});
}

HealthState parse_health_state(std::string_view text) {
    const json::Value value = json::parse(text, "health");
    const json::Field root(value, "health");
    HealthState state;
    const auto status = std::ranges::find(kStatuses, root.at("Status").as_string());
    if (status == kStatuses.end()) {
        root.at("Status").fail("is unknown");
    }
    state.status = static_cast<HealthStatus>(status - kStatuses.begin());
    state.failing_streak = root.uint64_or("FailingStreak", 0);
    for (const json::Field& entry : root.at("Log").elements()) {
        state.log.push_back({.start = parse_time(entry.at("Start")),
                             .end = parse_time(entry.at("End")),
                             .exit_code = static_cast<int>(entry.int64_or("ExitCode", 0)),
                             .output = entry.string_or("Output", "")});
    }
    return state;
}

std::filesystem::path health_state_path(const std::filesystem::path& run_dir) {
    return run_dir / "health.json";
}

std::optional<HealthState> read_health_state(const std::filesystem::path& run_dir) noexcept {
    try {
        const auto text =
            sys::read_file_if_exists(health_state_path(run_dir).string(), kMaxStateSize);
        return text ? std::optional(parse_health_state(*text)) : std::nullopt;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

const HealthCommand& HealthTracker::current() const noexcept {
    return config_.startup && !has_passed_startup_ ? *config_.startup : config_.check;
}

std::optional<nanoseconds> HealthTracker::delay(nanoseconds age) const noexcept {
    nanoseconds delay = current().interval;
    const bool is_starting = !has_succeeded_ && age < config_.start_period;
    if (is_starting && &current() == &config_.check && config_.start_interval.count() > 0) {
        delay = std::min(delay, config_.start_interval);
    }
    return delay.count() > 0 ? std::optional(delay) : std::nullopt;
}

HealthTracker::Outcome HealthTracker::record_startup(bool is_success) {
    if (is_success) {
        state_.failing_streak = 0;
        has_passed_startup_ = ++startup_streak_ >= config_.startup_successes;
        return {};
    }
    startup_streak_ = 0;
    ++state_.failing_streak;
    // As podman: a container that does not come up is started again.
    const uint64_t retries = config_.startup->retries;
    return {.has_changed = false,
            .action = retries > 0 && state_.failing_streak >= retries ? HealthAction::restart
                                                                      : HealthAction::none};
}

HealthTracker::Outcome HealthTracker::record(HealthResult result, nanoseconds age) {
    const bool is_success = result.is_success();
    const uint64_t most = config_.max_log_count == 0 ? kMostResults : config_.max_log_count;
    while (!state_.log.empty() && state_.log.size() >= most) {
        state_.log.erase(state_.log.begin());
    }
    state_.log.push_back(std::move(result));
    if (config_.startup && !has_passed_startup_) {
        return record_startup(is_success);
    }
    const HealthStatus before = state_.status;
    if (is_success) {
        has_succeeded_ = true;
        state_.failing_streak = 0;
        state_.status = HealthStatus::healthy;
        return {.has_changed = before != state_.status};
    }
    if (!has_succeeded_ && age < config_.start_period) {
        return {};
    }
    ++state_.failing_streak;
    if (state_.failing_streak < std::max<uint64_t>(config_.check.retries, 1)) {
        return {};
    }
    state_.status = HealthStatus::unhealthy;
    const bool has_changed = before != state_.status;
    return {.has_changed = has_changed,
            .action = has_changed ? config_.on_failure : HealthAction::none};
}

void HealthTracker::start_over() noexcept {
    state_.status = HealthStatus::starting;
    state_.failing_streak = 0;
    has_passed_startup_ = false;
    has_succeeded_ = false;
    startup_streak_ = 0;
}

}  // namespace nau::monitor
