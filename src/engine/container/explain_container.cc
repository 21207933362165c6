#include <csignal>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/container_log.h"
#include "engine/container/signals.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/system/event_list.h"

namespace nau::engine {

namespace {

using storage::ContainerStatus;

/// "3 hours", "1 minute": whole units, the largest that fits.
std::string span_text(std::chrono::nanoseconds span) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    const auto total = std::max<int64_t>(0, duration_cast<seconds>(span).count());
    struct Unit {
        int64_t length;
        const char* name;
    };
    for (const Unit unit : {Unit{86400, "day"}, Unit{3600, "hour"}, Unit{60, "minute"}}) {
        if (total >= unit.length) {
            const int64_t count = total / unit.length;
            return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
        }
    }
    return fmt::format("{} second{}", total, total == 1 ? "" : "s");
}

std::string size_text(uint64_t bytes) {
    constexpr uint64_t kMega = 1'000'000;
    return bytes >= kMega ? fmt::format("{:.1f} MB", static_cast<double>(bytes) / kMega)
                          : fmt::format("{} kB", bytes / 1000);
}

/// What the journal tells of the last end: the events since the last start.
struct LastLife {
    std::optional<EventLine> died;
    std::optional<EventLine> asked;  ///< the stop or kill of a user before it
    bool was_unhealthy = false;
};

LastLife read_last_life(Engine& engine, const std::string& id) {
    LastLife life;
    list_events(engine, {.filters = {"container=" + id}}, [&](const EventLine& event) {
        if (event.action == "start") {
            life = {};
        } else if (event.action == "died") {
            life.died = event;
        } else if (event.action == "stop" || event.action == "kill") {
            // stop is told when it is over, kill at once: both were asked for.
            life.asked = event;
        } else if (event.action == "health_status") {
            const auto status = event.attributes.find("healthStatus");
            life.was_unhealthy = status != event.attributes.end() && status->second == "unhealthy";
        }
        return true;
    });
    return life;
}

std::string attribute(const std::optional<EventLine>& event, const char* key) {
    if (!event) {
        return {};
    }
    const auto found = event->attributes.find(key);
    return found == event->attributes.end() ? std::string() : found->second;
}

std::string signal_text(int signal) {
    return fmt::format("signal {} ({})", signal, signal_name(signal));
}

/// A sentence about a status that means something to everybody.
std::string meaning_of(int code) {
    switch (code) {
        case 0:
            return "That is success.";
        case 125:
            return "nau itself could not do what was asked.";
        case 126:
            return "The command could not be executed: it is no program for this machine, or it "
                   "lacks the permission.";
        case 127:
            return "The command does not exist in the image.";
        default:
            return "That is the program's own status: its log tells more.";
    }
}

std::string cause_of_end(const storage::ContainerState& state, const LastLife& life) {
    const std::string cause = attribute(life.died, "cause");
    const int code = state.exit_code.value_or(-1);
    if (cause == "timeout") {
        return "It had run as long as --timeout allows and was killed.";
    }
    if (state.oom_killed || cause == "oom") {
        return "The kernel killed a process of it because the container had no memory left. Give "
               "it more with --memory, or let the program use less.";
    }
    if (!state.exit_code) {
        return "Nobody saw how it ended: its monitor was killed, or the machine was restarted.";
    }
    const int signal = state.exit_signal;
    if (life.asked) {
        const bool was_killed = life.asked->action == "kill";
        std::string text = was_killed ? fmt::format("'nau kill' sent it a signal ({}).",
                                                    attribute(life.asked, "signal"))
                                      : std::string("'nau stop' asked it to end.");
        if (!was_killed && signal == SIGKILL) {
            text +=
                " It did not end in time and was killed; a program that ignores the stop "
                "signal as process 1 needs --init or --stop-signal.";
        } else if (signal != 0) {
            text += fmt::format(" It died of {}.", signal_text(signal));
        } else {
            text += fmt::format(" It ended with status {}.", code);
        }
        return text;
    }
    if (life.was_unhealthy) {
        return "Its health check had failed, and what --health-on-failure says was done.";
    }
    if (signal != 0) {
        return fmt::format("Its first process died of {}; nau did not send it. {}",
                           signal_text(signal),
                           signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS
                               ? "The program crashed: its log tells more."
                               : "Somebody on the machine did, or the process did it itself.");
    }
    return fmt::format("Its first process ended with status {}. {}", code, meaning_of(code));
}

std::string use_of(const LastLife& life) {
    std::string text;
    if (const auto peak = parse_uint64(attribute(life.died, "memoryPeakBytes"))) {
        text += fmt::format(" It used {} of memory at most", size_text(*peak));
    }
    if (const auto cpu = parse_uint64(attribute(life.died, "cpuNs"))) {
        text += fmt::format("{} {:.2f} s of processor time",
                            text.empty() ? " It used" : " and",
                            static_cast<double>(*cpu) / 1e9);
    }
    return text.empty() ? text : text + ".";
}

std::string loss_of(storage::Store& store, const storage::ContainerId& id) {
    const std::string loss = describe_log_loss(store, id);
    return loss.empty() ? loss : " " + loss;
}

}  // namespace

std::string explain_container(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const auto container = find_summary(store, id);
    if (!container) {
        throw Error(ErrorKind::not_found, "container '{}' is gone", name_or_id);
    }
    const auto state = actual_state(store, id, container->state);
    const Time now = engine.clock().now();
    const std::string subject = fmt::format("{} ({})", container->name, id.short_id());
    switch (state.status) {
        case ContainerStatus::created:
            return state.error.empty()
                       ? fmt::format(
                             "{} was created {} ago and has never been started. 'nau start "
                             "{}' starts it.",
                             subject,
                             span_text(now - container->created),
                             container->name)
                       : fmt::format("{} could not be started: {}.", subject, state.error);
        case ContainerStatus::running:
        case ContainerStatus::stopping:
            return fmt::format("{} is running, since {}.",
                               subject,
                               span_text(now - state.started_at.value_or(now))) +
                   loss_of(store, id);
        case ContainerStatus::paused:
            return fmt::format(
                "{} is paused: its processes get no processor. 'nau unpause {}' "
                "lets it go on.",
                subject,
                container->name);
        case ContainerStatus::restarting:
            return fmt::format(
                "{} has ended {} and will be started again soon, for the {}. time. 'nau stop {}' "
                "ends that.",
                subject,
                state.exit_code ? fmt::format("with status {}", *state.exit_code) : "somehow",
                state.restart_count,
                container->name);
        case ContainerStatus::exited:
        case ContainerStatus::dead:
            break;
    }
    if (!state.error.empty() && !state.started_at) {
        return fmt::format("{} could not be started: {}.", subject, state.error);
    }
    const LastLife life = read_last_life(engine, id.to_string());
    std::string text =
        fmt::format("{} ended {} ago", subject, span_text(now - state.finished_at.value_or(now)));
    if (state.started_at && state.finished_at) {
        text +=
            fmt::format(", having run for {}", span_text(*state.finished_at - *state.started_at));
    }
    text += ". " + cause_of_end(state, life) + use_of(life) + loss_of(store, id);
    text += fmt::format(" 'nau logs {}' shows what it wrote.", container->name);
    return text;
}

}  // namespace nau::engine
