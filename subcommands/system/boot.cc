#include "engine/container/boot.h"

#include "cli/context.h"
#include "cli/error_report.h"
#include "cli/output.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {};

void declare(cli::FlagSet& flags, Options& /*options*/) {
    flags.description(
        "Start the containers that are to run after a boot: those with the restart policy always, "
        "those with unless-stopped that nobody has stopped, and those with on-failure that the "
        "end of the last boot has interrupted. The unit nau-boot.service runs it; it may be run "
        "at any time.");
    flags.example("nau system boot");
}

int run(cli::Context& context, const Options& /*options*/) {
    int status = 0;
    engine::start_after_boot(
        context.engine(),
        {.started = [&](const std::string& name) { context.out().write(name + "\n"); },
         .failed =
             [&](const std::string& name, const std::exception& error) {
                 context.out().flush();
                 cli::report_error(
                     Error(ErrorKind::internal, "starting {}: {}", name, error.what()));
                 status = 125;
             }});
    return status;
}

}  // namespace

constinit const cli::Command system_boot =
    cli::make_command<Options, declare, run>("Start what is to run after a boot");

}  // namespace nau::subcommands
