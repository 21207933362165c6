#include "base/parse.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"
#include "engine/container/run_container.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    ProcessFlags process;
    std::string name;
    bool is_latest = false;
    bool is_detached = false;
    bool is_privileged = false;
    std::string id_file;
    std::vector<int> preserved_fds;
    engine::AttachOptions attach;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Run a further command in a running container, confined as its first process is. The "
        "status is the command's; 126 when it cannot be invoked, 127 when it does not exist.");
    flags.toggle("-d,--detach", "Run in the background", options.is_detached);
    declare_detach_keys(flags, options.attach.detach_keys);
    flags.toggle("--privileged",
                 "Give the process all capabilities and no confinement",
                 options.is_privileged);
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    flags
        .value(
            "--cidfile", "FILE", "Take the container whose id stands in the file", options.id_file)
        .completes(cli::Complete::file);
    declare_preserved_fds(flags, options.preserved_fds);
    declare_process_flags(flags, options.process);
    flags.usage("CONTAINER COMMAND [ARG...]");
    flags.argument("CONTAINER", options.name)
        .optional()
        .completes(cli::Complete::running_container);
    flags.arguments("COMMAND", options.process.options.command).optional();
    flags.stop_at_first_argument();
    flags.example("nau exec -it web sh");
}

int run(cli::Context& context, const Options& options) {
    engine::ExecOptions exec;
    exec.process = finish_process(context, options.process);
    std::string name = options.name;
    if (options.is_latest && !options.id_file.empty()) {
        throw cli::UsageError("nau exec", "--latest and --cidfile exclude each other");
    }
    if (options.is_latest || !options.id_file.empty()) {
        // Then all words are the command's.
        if (!name.empty()) {
            exec.process.command.insert(exec.process.command.begin(), name);
        }
        name = options.is_latest ? engine::latest_container_id(context.engine())
                                 : std::string(trim(cli::read_option_file(options.id_file)));
    }
    if (name.empty() || exec.process.command.empty()) {
        throw cli::UsageError("nau exec",
                              "'nau exec' needs {}",
                              name.empty() ? "a CONTAINER and a COMMAND" : "a COMMAND");
    }
    exec.is_privileged = options.is_privileged;
    exec.is_detached = options.is_detached;
    exec.preserved_fds = options.preserved_fds;
    exec.attach = options.attach;
    exec.attach.has_stdin = exec.process.keeps_stdin;
    const auto status = engine::exec_container(context.engine(), name, exec);
    return options.is_detached ? 0 : cli::exit_code_of(status);
}

}  // namespace

constinit const cli::Command exec =
    cli::make_command<Options, declare, run>("Run a command in a running container");

}  // namespace nau::subcommands
