#include "monitor/restart_policy.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::monitor {

namespace {

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kLongestDelay{60'000};
/// Whoever ran for so long has started well.
constexpr std::chrono::seconds kGoodRun{10};

}  // namespace

RestartPolicy parse_restart_policy(std::string_view text) {
    if (text.empty() || text == "no" || text == "never") {
        return {};
    }
    if (text == "always") {
        return {.mode = RestartMode::always};
    }
    if (text == "unless-stopped") {
        return {.mode = RestartMode::unless_stopped};
    }
    const auto pair = split_once(text, ':');
    if ((pair ? pair->first : text) != "on-failure") {
        throw Error(ErrorKind::invalid,
                    "unknown restart policy '{}' (no, on-failure[:N], always, unless-stopped)",
                    text);
    }
    RestartPolicy policy{.mode = RestartMode::on_failure};
    if (pair) {
        const auto number = parse_uint64(pair->second);
        if (!number) {
            throw Error(ErrorKind::invalid, "'{}' is no number of restarts", pair->second);
        }
        policy.max_retries = *number;
    }
    return policy;
}

std::string_view to_string(RestartMode mode) noexcept {
    switch (mode) {
        case RestartMode::no:
            return "no";
        case RestartMode::on_failure:
            return "on-failure";
        case RestartMode::always:
            return "always";
        case RestartMode::unless_stopped:
            return "unless-stopped";
    }
    return "no";
}

std::string to_string(const RestartPolicy& policy) {
    if (policy.mode == RestartMode::on_failure && policy.max_retries > 0) {
        return fmt::format("on-failure:{}", policy.max_retries);
    }
    return std::string(to_string(policy.mode));
}

bool starts_at_boot(const RestartPolicy& policy, bool was_stopped) noexcept {
    return policy.mode == RestartMode::always ||
           (policy.mode == RestartMode::unless_stopped && !was_stopped);
}

std::optional<std::chrono::milliseconds> RestartSchedule::next(
    const ExitRecord& end, std::chrono::nanoseconds ran_for) noexcept {
    if (policy_.mode == RestartMode::no || end.cause == ExitCause::user ||
        end.cause == ExitCause::start_failed || end.cause == ExitCause::monitor_failed) {
        return std::nullopt;
    }
    if (policy_.mode == RestartMode::on_failure) {
        const bool is_success = end.exit_code == 0;
        if (is_success || (policy_.max_retries > 0 && count_ >= policy_.max_retries)) {
            return std::nullopt;
        }
    }
    ++count_;
    delay_ = ran_for >= kGoodRun || delay_.count() == 0 ? kFirstDelay
                                                        : std::min(delay_ * 2, kLongestDelay);
    return delay_;
}

}  // namespace nau::monitor
