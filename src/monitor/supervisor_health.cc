// Health checks in the supervisor's loop: when one is due, and what its result leads to.

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "monitor/supervisor.h"
#include "sys/file.h"
#include "sys/notify_socket.h"

namespace nau::monitor {

using std::chrono::steady_clock;

void Supervisor::begin_health() {
    if (!config_.health || config_.health->check.argv.empty() || config_.run_dir.empty()) {
        return;
    }
    if (health_) {
        health_->start_over();
    } else {
        health_.emplace(*config_.health);
    }
    try {
        sys::write_file_atomic(health_state_path(config_.run_dir).string(),
                               to_json(health_->state()),
                               0600,
                               sys::Durability::relaxed);
    } catch (const Error& error) {
        NAU_LOG_WARN("health: {}, ignoring", error.text());
    }
    schedule_check();
}

void Supervisor::end_health() noexcept {
    loop_.cancel_timer(health_timer_);
    probe_.reset();
    for (const auto& client : connections_) {
        client->state.is_gone = client->state.is_gone || client->state.wants_health;
    }
}

void Supervisor::schedule_check() {
    loop_.cancel_timer(health_timer_);
    if (const auto delay = health_->delay(steady_clock::now() - began_)) {
        health_timer_ = loop_.add_timer(*delay, [this] { run_check(); });
    }
}

/// By its timer, or because a client asks for it.
void Supervisor::run_check() {
    if (!health_ || record_ || !task_) {
        answer_health_clients();
        return;
    }
    if (probe_) {
        return;
    }
    if (launcher_.is_frozen()) {  // paused: so are the checks
        answer_health_clients();
        schedule_check();
        return;
    }
    try {
        probe_ = std::make_unique<HealthProbe>(
            loop_,
            launcher_,
            HealthProbe::Request{.config = &config_,
                                 .spec_fd = spec_fd_.get(),
                                 .target = {.pid = task_->pid, .start_time = task_->start_time},
                                 .command = health_->current(),
                                 .max_output = health_->config().max_log_size});
    } catch (const Error& error) {
        NAU_LOG_WARN("health check: {}, trying again", error.text());
        schedule_check();
    }
}

void Supervisor::finish_check() {
    const auto probe = std::exchange(probe_, nullptr);
    if (!health_ || record_) {
        return;
    }
    HealthResult result = probe->finish();
    if (!result.is_success() && launcher_.is_frozen()) {
        answer_health_clients();  // it was paused in the middle: this says nothing
        schedule_check();
        return;
    }
    const HealthTracker::Outcome outcome =
        health_->record(std::move(result), steady_clock::now() - began_);
    try {
        sys::write_file_atomic(health_state_path(config_.run_dir).string(),
                               to_json(health_->state()),
                               0600,
                               sys::Durability::relaxed);
    } catch (const Error& error) {
        NAU_LOG_WARN("health: {}, ignoring", error.text());
    }
    if (outcome.has_changed) {
        auto attributes = config_.attributes;
        attributes["healthStatus"] = to_string(health_->state().status);
        attributes["failingStreak"] = fmt::format("{}", health_->state().failing_streak);
        write_event({.time = SystemClock().now(),
                     .action = "health_status",
                     .attributes = std::move(attributes)});
        tell_manager_of_health();
    }
    answer_health_clients();
    schedule_check();
    act_on_health(outcome.action);
}

void Supervisor::tell_manager_of_health() {
    if (notify_ && config_.notify == NotifyMode::healthy &&
        health_->state().status == HealthStatus::healthy) {
        (void)sys::send_notification(notify_.get(), "READY=1");  // or nobody waits for it any more
    }
}

void Supervisor::act_on_health(HealthAction action) {
    switch (action) {
        case HealthAction::none:
            return;
        case HealthAction::restart:
            must_restart_ = true;
            break;
        case HealthAction::stop:
            is_ending_ = true;
            own_cause_ = ExitCause::health;
            signal_task(config_.stop_signal);
            kill_timer_ = loop_.add_timer(config_.stop_timeout, [this] { signal_task(SIGKILL); });
            return;
        case HealthAction::kill:
            break;
    }
    own_cause_ = ExitCause::health;
    signal_task(SIGKILL);
}

void Supervisor::answer_health_clients() {
    for (const auto& client : connections_) {
        if (client->state.wants_health) {
            client->state.wants_health = false;
            client->queue().finish(FrameType::health, health_ ? to_json(health_->state()) : "");
        }
    }
}

}  // namespace nau::monitor
