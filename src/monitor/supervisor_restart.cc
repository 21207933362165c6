// From the end of one run to the start of the next, where the restart policy wants one.
//
//   finish ─▶ state.json says restarting ─▶ journal ─▶ who was attached hears of the end
//          ─▶ tear down ─▶ (back-off) ─▶ prepare, mount, launch, as at first ─▶ state.json, journal
//
// A stop request, or SIGTERM, ends it at any point. The network namespace and the descriptors that
// were passed on stay; everything else is made anew.

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "monitor/supervisor.h"
#include "monitor/task_state.h"
#include "runtime/rootfs.h"
#include "sys/file.h"

namespace nau::monitor {

namespace {

constexpr size_t kMaxSpec = 16 * 1024 * 1024;
/// Between the decision and the start, even if the policy has no say.
constexpr std::chrono::milliseconds kForcedDelay{100};

}  // namespace

/// false: the end is final.
bool Supervisor::begin_restart() {
    if (is_ending_ || config_.run_dir.empty() || !spec_fd_) {
        return false;
    }
    const bool is_forced = must_restart_ && record_->cause != ExitCause::user;
    must_restart_ = false;
    std::optional<std::chrono::milliseconds> delay;
    if (is_forced) {
        restarts_.count_one();
        delay = kForcedDelay;
    } else {
        delay = restarts_.next(*record_, std::chrono::steady_clock::now() - began_);
    }
    if (!delay) {
        return false;
    }
    write_events();
    task_.reset();
    is_between_runs_ = true;
    write_task_state(config_.run_dir, make_state());
    launcher_.tear_down();
    kept_.rootfs.reset();
    tell_attached_clients();
    restart_timer_ = loop_.add_timer(*delay, [this] { start_again(); });
    return true;
}

/// Whoever waits for the container's end waits on.
void Supervisor::tell_attached_clients() {
    const bool outputs_are_done = direct_outputs_are_done();
    for (const auto& client : connections_) {
        if (client->state.is_attached) {
            tell_end(*client, outputs_are_done);
        }
        if (client->queue().is_finished() && client->state.has_acknowledged) {
            client->state.is_gone = true;
        }
    }
}

void Supervisor::start_again() {
    is_between_runs_ = false;
    if (sys::file_exists(stop_request_path(config_.run_dir).string())) {
        record_->cause = ExitCause::user;
        publish();
        return;
    }
    own_cause_.reset();
    is_paused_ = false;
    const ExitRecord last = *record_;
    record_.reset();
    for (const auto& client : connections_) {
        client->state.has_acknowledged = false;
    }
    try {
        config_.spec_text =
            sys::read_file(fmt::format("/proc/self/fd/{}", spec_fd_.get()), kMaxSpec);
        launcher_.prepare(config_);
        if (config_.rootfs) {
            kept_.rootfs = runtime::open_rootfs(*config_.rootfs);
        }
        write_event({.time = SystemClock().now(),
                     .action = "restart",
                     .attributes = {{"restartCount", fmt::format("{}", restarts_.count())}}});
        launch(kept_);
        record_start();
        config_.spec_text = {};
        begin_run();
    } catch (const std::exception& failure) {
        const ErrorReply reply = make_error_reply(failure);
        if (task_) {
            kill_task();
        }
        sources_.clear();
        record_ = last;
        record_->cause = ExitCause::start_failed;
        record_->exit_code = reply.exit_code;
        record_->error = fmt::format("starting again: {}", reply.text);
        record_->finished_at = SystemClock().now();
        publish();
    }
}

}  // namespace nau::monitor
