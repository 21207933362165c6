// What keeps a container running and tells how it is: restart policy, health checks.

#include "base/error.h"
#include "base/parse.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using std::chrono::nanoseconds;

nanoseconds parse_positive(std::string_view text) {
    const nanoseconds duration = parse_duration(text);
    if (duration.count() < 0) {
        throw Error(ErrorKind::invalid, "is negative");
    }
    return duration;
}

cli::Flag& duration_flag(cli::FlagSet& flags,
                         std::string_view name,
                         std::string_view description,
                         std::optional<nanoseconds>& target) {
    return flags.parsed(name, "DURATION", description, [&target](std::string_view text) {
        target = text == "disable" ? nanoseconds(0) : parse_positive(text);
    });
}

}  // namespace

void declare_restart_flag(cli::FlagSet& flags, CreateFlags& create) {
    flags
        .parsed(
            "--restart",
            "POLICY",
            "Start the container again when it ends: no, on-failure[:N], always, unless-stopped",
            [&create](std::string_view text) {
                create.options.restart_policy = engine::normal_restart_policy(text);
            })
        .defaults_to("no")
        .explain(
            "The first restart comes after 100 ms; the wait doubles with each run shorter than 10 "
            "seconds, up to a minute. stop, kill and rm -f end it. After a boot nau system boot "
            "starts those of always, and those of unless-stopped that nobody has stopped.");
}

void declare_health_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& health = create.options.health;
    flags.section("Health");
    flags.value("--health-cmd", "COMMAND", "Check the container's health so", health.command)
        .explain(
            "A line for /bin/sh, or a JSON list: [\"CMD\", \"curl\", \"-f\", \"localhost\"]. none "
            "switches the image's check off. Status 0 is healthy.");
    duration_flag(flags, "--health-interval", "Wait so long between checks", health.interval)
        .defaults_to("30s")
        .explain("disable, or 0, checks only when nau healthcheck run asks for it.");
    flags
        .value(
            "--health-retries", "N", "Be unhealthy after so many failures in a row", health.retries)
        .defaults_to("3");
    duration_flag(flags,
                  "--health-start-period",
                  "Do not count failures in the beginning, for so long",
                  health.start_period)
        .defaults_to("0s");
    duration_flag(flags,
                  "--health-start-interval",
                  "Wait so long between checks in the start period",
                  health.start_interval)
        .defaults_to("5s");
    duration_flag(flags, "--health-timeout", "Let a check take so long at most", health.timeout)
        .defaults_to("30s");
    flags
        .parsed("--health-on-failure",
                "ACTION",
                "Do this when the container becomes unhealthy: none, kill, restart, stop",
                [&health](std::string_view text) {
                    health.on_failure = engine::parse_health_action(text);
                })
        .defaults_to("none")
        .one_of({"none", "kill", "restart", "stop"});
    flags.value("--health-max-log-count", "N", "Keep so many results", health.max_log_count)
        .defaults_to("5");
    flags
        .value("--health-max-log-size", "BYTES", "Keep so much of each output", health.max_log_size)
        .defaults_to("500");
    flags
        .parsed("--health-log-destination",
                "PLACE",
                "Keep the results here: local, which is beside the container",
                [](std::string_view text) {
                    if (text != "local") {
                        throw Error(ErrorKind::unsupported,
                                    "'{}': results are kept beside the container, as with local",
                                    text)
                            .with_hint("nau inspect shows them");
                    }
                })
        .defaults_to("local");
    flags.value("--health-startup-cmd",
                "COMMAND",
                "Check so, until it succeeds, before the regular check begins",
                health.startup_command);
    duration_flag(flags,
                  "--health-startup-interval",
                  "Wait so long between start-up checks",
                  health.startup_interval)
        .defaults_to("30s");
    flags
        .value("--health-startup-retries",
               "N",
               "Restart the container after so many failed start-up checks; 0: never",
               health.startup_retries)
        .defaults_to("0");
    flags
        .value("--health-startup-success",
               "N",
               "Begin the regular check after so many successes",
               health.startup_successes)
        .defaults_to("1");
    duration_flag(flags,
                  "--health-startup-timeout",
                  "Let a start-up check take so long at most",
                  health.startup_timeout)
        .defaults_to("30s");
    flags.toggle("--no-healthcheck", "Switch off the image's health check", health.is_disabled);
}

void check_supervision(const engine::CreateOptions& options) {
    if (options.auto_remove && options.restart_policy != "no") {
        throw Error(ErrorKind::invalid,
                    "--rm and --restart={} contradict each other: is the container to go or to "
                    "come back?",
                    options.restart_policy);
    }
    if (options.health.is_disabled && options.health.command) {
        throw Error(ErrorKind::invalid, "--no-healthcheck and --health-cmd contradict each other");
    }
}

}  // namespace nau::subcommands
