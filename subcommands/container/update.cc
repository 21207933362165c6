#include <array>

#include "cli/context.h"
#include "engine/container/containers.h"
#include "engine/container/update_container.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::ResourceOptions resources;
    std::string name;
    bool is_latest = false;
};

constexpr std::string_view kFixed = "it is fixed when the container is created";

constexpr std::array kRefused = {
    cli::RefusedFlag{"-e,--env", kFixed},
    cli::RefusedFlag{"--unsetenv", kFixed},
    cli::RefusedFlag{"--restart", "restart policies are fixed when the container is created"},
    cli::RefusedFlag{"--health-cmd", kFixed},
    cli::RefusedFlag{"--no-healthcheck", kFixed},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Change the limits of a container: at once if it runs, and for its further starts. What is "
        "not named stays as it is.");
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    declare_limit_flags(flags, options.resources);
    flags.refuse(kRefused);
    flags.argument("CONTAINER", options.name).optional().completes(cli::Complete::container);
    flags.usage("CONTAINER");
    flags.example("nau update --memory 512m --cpus 2 web");
}

int run(cli::Context& context, const Options& options) {
    check_resources(options.resources);
    const std::string name =
        selected_container(context, options.name, options.is_latest, "nau update");
    context.out().print("{}\n",
                        engine::update_container(context.engine(), name, options.resources));
    return 0;
}

}  // namespace

constinit const cli::Command update =
    cli::make_command<Options, declare, run>("Change the limits of a container");

}  // namespace nau::subcommands
