#include "base/parse.h"
#include "cli/context.h"
#include "cli/usage_error.h"
#include "engine/oci_runtime/exec_process.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    engine::oci_runtime::ExecOptions exec;
    bool no_subreaper = false;
};

constexpr int kExecFailed = 255;  // what runc's callers know it by

void declare(cli::FlagSet& flags, Options& options) {
    auto& exec = options.exec;
    flags.description(
        "Run one more process in a running container, confined as the container is. The status is "
        "that of the process, 255 when it could not be started.");
    flags
        .value("-p,--process",
               "FILE",
               "Take the process from this file, an object as in config.json",
               exec.process_file)
        .completes(cli::Complete::file);
    runtime::declare_process_io(flags, exec.io);
    flags.toggle("-d,--detach", "Leave when the process runs", exec.io.is_detached);
    flags.toggle("-t,--tty", "Give it a terminal", exec.has_terminal);
    flags.value("--cwd", "DIR", "Its working directory in the container", exec.cwd);
    flags.list("-e,--env", "NAME=VALUE", "Set a variable", exec.env);
    flags.value("-u,--user", "USER[:GROUP]", "Run as this user", exec.user);
    flags
        .parsed("-g,--additional-gids",
                "GID",
                "Add a supplementary group",
                [&exec](std::string_view text) {
                    const auto gid = parse_uint64(text);
                    if (!gid || *gid > UINT32_MAX) {
                        throw Error(ErrorKind::invalid, "is no group id");
                    }
                    exec.additional_gids.push_back(static_cast<uint32_t>(*gid));
                })
        .repeatable();
    flags.list("-c,--cap", "CAPABILITY", "Add a capability", exec.capabilities);
    flags.value("--apparmor", "PROFILE", "AppArmor profile", exec.apparmor_profile);
    flags.value("--process-label", "LABEL", "SELinux label", exec.selinux_label);
    flags.toggle("--no-new-privs", "No exec gains privileges", exec.no_new_privileges);
    flags.value("--cgroup", "PATH", "Join this group below the container's own", exec.cgroup);
    flags.toggle("--ignore-paused",
                 "Join a paused container too, and wait there for its resume",
                 exec.ignores_pause);
    flags.toggle(
        "--no-subreaper", "Leave processes that outlive this one to init", options.no_subreaper);
    runtime::declare_globals(flags, options.globals);
    flags.usage("ID [COMMAND [ARG...]]");
    flags.argument("ID", exec.id);
    flags.arguments("COMMAND", exec.args).optional();
    flags.stop_at_first_argument();
    flags.example("nau runtime exec --tty web sh");
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(
        options.globals,
        [&] {
            if (options.exec.process_file.empty() == options.exec.args.empty()) {
                throw cli::UsageError("nau runtime exec",
                                      "either a command or --process says what to run");
            }
            engine::oci_runtime::ExecOptions exec = options.exec;
            exec.root = runtime::state_root(options.globals);
            exec.is_subreaper = !options.no_subreaper;
            return engine::oci_runtime::exec_process(exec);
        },
        kExecFailed);
}

}  // namespace

constinit const cli::Command runtime_exec =
    cli::make_command<Options, declare, run>("Run a command in a running container");

}  // namespace nau::subcommands
