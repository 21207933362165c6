#include "engine/container/health.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/container_config.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "monitor/client.h"
#include "monitor/restart_policy.h"

namespace nau::engine {

namespace {

using Words = std::vector<std::string>;
using std::chrono::nanoseconds;

/// {"CMD", …}, {"CMD-SHELL", line} or {"NONE"}, as an image has it, into what is executed.
Words to_argv(const Words& test) {
    if (test.empty() || test.front() == "NONE") {
        return {};
    }
    if (test.front() == "CMD-SHELL") {
        if (test.size() < 2) {
            throw Error(ErrorKind::invalid, "the health check has no command behind CMD-SHELL");
        }
        return {"/bin/sh", "-c", test[1]};
    }
    return test.front() == "CMD" ? Words(test.begin() + 1, test.end()) : test;
}

Words parse_command(const std::string& text) {
    if (text.empty() || text == "none") {
        return {};
    }
    if (text.front() != '[') {
        return {"/bin/sh", "-c", text};
    }
    const json::Value list = json::parse(text, "health command");
    return to_argv(json::Field(list, "health command").as_string_list());
}

/// The first that is given: by the user, by the image (where 0 means nothing), the default.
nanoseconds choose(const std::optional<nanoseconds>& wanted,
                   nanoseconds image,
                   nanoseconds fallback) {
    return wanted ? *wanted : (image.count() > 0 ? image : fallback);
}

}  // namespace

monitor::HealthAction parse_health_action(std::string_view word) {
    return monitor::parse_health_action(word);
}

std::string normal_restart_policy(std::string_view text) {
    return monitor::to_string(monitor::parse_restart_policy(text));
}

std::optional<monitor::HealthConfig> make_health_config(
    const HealthOptions& options, const std::optional<oci::Healthcheck>& image) {
    if (options.is_disabled) {
        return std::nullopt;
    }
    const oci::Healthcheck defaults = image.value_or(oci::Healthcheck{});
    monitor::HealthConfig config;
    config.check.argv = options.command ? parse_command(*options.command) : to_argv(defaults.test);
    if (config.check.argv.empty()) {
        return std::nullopt;
    }
    config.check.interval = choose(options.interval, defaults.interval, config.check.interval);
    config.check.timeout = choose(options.timeout, defaults.timeout, config.check.timeout);
    config.check.retries = options.retries.value_or(
        defaults.retries > 0 ? static_cast<uint64_t>(defaults.retries) : config.check.retries);
    config.start_period = choose(options.start_period, defaults.start_period, nanoseconds(0));
    config.start_interval =
        choose(options.start_interval, defaults.start_interval, config.start_interval);
    config.on_failure = options.on_failure;
    config.max_log_count = options.max_log_count.value_or(config.max_log_count);
    config.max_log_size = options.max_log_size.value_or(config.max_log_size);
    if (options.startup_command) {
        monitor::HealthCommand startup;
        startup.argv = parse_command(*options.startup_command);
        startup.interval = options.startup_interval.value_or(startup.interval);
        startup.timeout = options.startup_timeout.value_or(startup.timeout);
        startup.retries = options.startup_retries.value_or(0);
        config.startup_successes = std::max<uint64_t>(options.startup_successes.value_or(1), 1);
        if (!startup.argv.empty()) {
            config.startup = std::move(startup);
        }
    }
    return config;
}

HealthReport check_health(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const storage::Container record = get_container(store, id);
    if (!parse_container_config(record.config).health) {
        throw Error(ErrorKind::invalid, "container '{}' has no health check", name_or_id)
            .with_hint("--health-cmd of run and create gives it one");
    }
    if (!find_init(store, record.state)) {
        throw Error(ErrorKind::invalid,
                    "container '{}' is not running, it is {}",
                    name_or_id,
                    storage::to_string(actual_state(store, id, record.state).status));
    }
    const auto state = monitor::check_health(store.paths().container_run(id));
    if (!state) {
        throw Error(ErrorKind::unavailable,
                    "the health of container '{}' cannot be checked now: it is paused, ending, or "
                    "its monitor is gone",
                    name_or_id);
    }
    return {.status = std::string(monitor::to_string(state->status)),
            .is_success = !state->log.empty() && state->log.back().is_success()};
}

}  // namespace nau::engine
