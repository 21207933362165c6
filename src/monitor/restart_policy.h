#pragma once

// Whether and when a container is started again after its end. Pure: the supervisor brings the
// facts, and does what comes out.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "monitor/exit_record.h"

namespace nau::monitor {

enum class RestartMode { no, on_failure, always, unless_stopped };

struct RestartPolicy {
    RestartMode mode = RestartMode::no;
    /// Of on_failure: how often at most; 0: always.
    uint64_t max_retries = 0;
    friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

/// "no", "never" or nothing, "always", "unless-stopped", "on-failure[:N]". @throws Error{invalid}
RestartPolicy parse_restart_policy(std::string_view text);
/// What parse_restart_policy() takes.
std::string to_string(const RestartPolicy& policy);
/// Without the number.
std::string_view to_string(RestartMode mode) noexcept;

/// Whether a container with this policy runs again after a boot. `was_stopped`: a user has ended
/// it.
bool starts_at_boot(const RestartPolicy& policy, bool was_stopped) noexcept;

/// Counts the restarts of one container and spreads them out: 100 ms, doubled after each run that
/// was shorter than 10 s, up to a minute.
class RestartSchedule {
  public:
    RestartSchedule() = default;
    RestartSchedule(RestartPolicy policy, uint64_t count) noexcept
        : policy_(policy), count_(count) {}

    /// How long to wait before the next start; nullopt: it stays ended. Counts the restart.
    std::optional<std::chrono::milliseconds> next(const ExitRecord& end,
                                                  std::chrono::nanoseconds ran_for) noexcept;
    /// A start that was asked for beside the policy (an unhealthy container): counts, at once.
    void count_one() noexcept { ++count_; }
    uint64_t count() const noexcept { return count_; }

  private:
    RestartPolicy policy_{};
    uint64_t count_ = 0;
    std::chrono::milliseconds delay_{0};
};

}  // namespace nau::monitor
