#include "engine/container/inspect_state.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "engine/container/container_config.h"
#include "engine/container/supervision.h"
#include "monitor/restart_policy.h"

namespace nau::engine {

namespace {

using json::Value;

// docker writes this where a moment has not come.
constexpr const char* kNever = "0001-01-01T00:00:00Z";

std::string time_or_never(const std::optional<Time>& time) {
    return time ? format_rfc3339(*time) : kNever;
}

template <typename T>
Value or_null(const std::optional<T>& value) {
    return value ? Value(*value) : Value(nullptr);
}

/// How the last run ended, as its monitor has seen it.
void add_last_end(storage::Store& store, const storage::ContainerId& id, Value& out) {
    const auto end = read_last_end(store, id);
    out["ExitCause"] =
        std::string(monitor::to_string(end ? end->cause : monitor::ExitCause::unknown));
    if (end) {
        out["MemoryPeakBytes"] = or_null(end->memory_peak_bytes);
        out["CpuNanos"] = or_null(end->cpu_ns);
        out["LogLostBytes"] = end->log_lost_bytes;
    }
}

}  // namespace

Value state_json(storage::Store& store,
                 const storage::ContainerId& id,
                 const storage::ContainerState& state) {
    using storage::ContainerStatus;
    Value out = {
        {"Status", storage::to_string(state.status)},
        {"Running",
         state.status == ContainerStatus::running || state.status == ContainerStatus::stopping ||
             state.status == ContainerStatus::restarting},
        {"Paused", state.status == ContainerStatus::paused},
        {"Restarting", state.status == ContainerStatus::restarting},
        {"OOMKilled", state.oom_killed},
        {"Dead", state.status == ContainerStatus::dead},
        {"Pid", state.init.pid},
        {"ConmonPid", state.monitor.pid},
        {"ExitCode", or_null(state.exit_code)},
        {"ExitSignal", state.exit_signal},
        {"Error", state.error},
        {"StartedAt", time_or_never(state.started_at)},
        {"FinishedAt", time_or_never(state.finished_at)}};
    if (state.status == ContainerStatus::exited) {
        add_last_end(store, id, out);
    }
    if (const auto health = read_health(store, id)) {
        out["Health"] = json::parse(monitor::to_json(*health), "health");
    }
    return out;
}

Value healthcheck_json(const ContainerConfig& config) {
    if (!config.health) {
        return nullptr;
    }
    const monitor::HealthConfig& health = *config.health;
    std::vector<std::string> test = {"CMD"};
    test.insert(test.end(), health.check.argv.begin(), health.check.argv.end());
    return {{"Test", test},
            {"Interval", health.check.interval.count()},
            {"Timeout", health.check.timeout.count()},
            {"StartPeriod", health.start_period.count()},
            {"StartInterval", health.start_interval.count()},
            {"Retries", health.check.retries},
            {"OnFailure", std::string(monitor::to_string(health.on_failure))}};
}

Value restart_policy_json(const ContainerConfig& config) {
    const auto policy = monitor::parse_restart_policy(config.restart_policy);
    return {{"Name", std::string(monitor::to_string(policy.mode))},
            {"MaximumRetryCount", policy.max_retries}};
}

}  // namespace nau::engine
