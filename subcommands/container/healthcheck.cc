#include "cli/context.h"
#include "cli/output.h"
#include "engine/container/health.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
    bool ignores_result = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Run the health check of a container once, now, and count its result like any other. The "
        "exit status is 0 when the check has succeeded, 1 when it has failed.");
    flags.toggle("--ignore-result", "End with 0 whatever the result is", options.ignores_result);
    flags.argument("CONTAINER", options.name).completes(cli::Complete::running_container);
    flags.example("nau healthcheck run web");
}

int run(cli::Context& context, const Options& options) {
    const auto report = engine::check_health(context.engine(), options.name);
    if (!report.is_success) {
        context.out().write(report.status + "\n");
    }
    return report.is_success || options.ignores_result ? 0 : 1;
}

}  // namespace

constinit const cli::Command healthcheck_run =
    cli::make_command<Options, declare, run>("Run a container's health check now");

}  // namespace nau::subcommands
