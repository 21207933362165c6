#include <unistd.h>

#include "cli/files.h"
#include "cli/pull_display.h"
#include "engine/container/run_container.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    CreateFlags create;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Create a container from an image and print its id. 'nau start' starts it.");
    declare_record_flags(flags, options.create);
    declare_create_flags(flags, options.create);
    flags.example("nau create --name db -v data:/var/lib/db postgres");
}

int run(cli::Context& context, const Options& options) {
    const engine::CreateOptions wanted = finish_create(context, options.create);
    cli::IdFile id_file(options.create.cid_file);
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.create.is_quiet));
    const std::string id =
        engine::create_container(context.engine(), wanted, &display, display.stop_token());
    id_file.write(id);
    context.out().print("{}\n", id);
    return 0;
}

}  // namespace

constinit const cli::Command create =
    cli::make_command<Options, declare, run>("Create a container without starting it");

}  // namespace nau::subcommands
