#include <array>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/container/health.h"
#include "engine/container/update_container.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::UpdateOptions update;
    ContainerSelection selection;
};

constexpr std::string_view kHealth = "a health check is fixed when the container is created";
constexpr std::string_view kUlimit = "limits of processes are fixed when the container is created";

constexpr std::array kRefused = {
    cli::RefusedFlag{"--health-cmd", kHealth},
    cli::RefusedFlag{"--health-interval", kHealth},
    cli::RefusedFlag{"--health-log-destination", kHealth},
    cli::RefusedFlag{"--health-max-log-count", kHealth},
    cli::RefusedFlag{"--health-max-log-size", kHealth},
    cli::RefusedFlag{"--health-on-failure", kHealth},
    cli::RefusedFlag{"--health-retries", kHealth},
    cli::RefusedFlag{"--health-start-period", kHealth},
    cli::RefusedFlag{"--health-startup-cmd", kHealth},
    cli::RefusedFlag{"--health-startup-interval", kHealth},
    cli::RefusedFlag{"--health-startup-retries", kHealth},
    cli::RefusedFlag{"--health-startup-success", kHealth},
    cli::RefusedFlag{"--health-startup-timeout", kHealth},
    cli::RefusedFlag{"--health-timeout", kHealth},
    cli::RefusedFlag{"--no-healthcheck", kHealth},
    cli::RefusedFlag{"--ulimit", kUlimit},
    cli::RefusedFlag{"--kernel-memory", "kernels do not limit it by itself any more"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Change the limits of containers: at once if they run, and for their further starts. What "
        "is not named stays as it is.");
    flags.toggle(
        "-l,--latest", "Take the container that was created last", options.selection.is_latest);
    flags
        .parsed("--restart",
                "POLICY",
                "Give a container that does not run another restart policy",
                [&options](std::string_view text) {
                    options.update.restart_policy = engine::normal_restart_policy(text);
                })
        .explain("no, on-failure[:N], always or unless-stopped.");
    flags
        .parsed("-e,--env",
                "NAME=VALUE",
                "Set an environment variable for further starts and exec",
                [&options](std::string_view text) {
                    const auto pair = split_once(text, '=');
                    if (!pair || pair->first.empty()) {
                        throw Error(ErrorKind::invalid, "is not NAME=VALUE");
                    }
                    options.update.env.emplace_back(pair->first, pair->second);
                })
        .repeatable();
    flags.list(
        "--unsetenv", "NAME", "Remove an environment variable, likewise", options.update.unset_env);
    declare_limit_flags(flags, options.update.resources);
    flags.refuse(kRefused);
    flags.arguments("CONTAINER", options.selection.names)
        .optional()
        .completes(cli::Complete::container);
    flags.usage("CONTAINER...");
    flags.example("nau update --memory 512m --cpus 2 web");
    flags.example("nau update --restart always web db");
}

int run(cli::Context& context, const Options& options) {
    check_resources(options.update.resources);
    return cli::for_each_object(
        context,
        selected_containers(context, options.selection, "nau update", AllOf::any),
        [&](const std::string& name) {
            context.out().print("{}\n",
                                engine::update_container(context.engine(), name, options.update));
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command update =
    cli::make_command<Options, declare, run>("Change the limits of one or more containers");

}  // namespace nau::subcommands
