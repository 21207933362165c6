#include <unistd.h>

#include "base/error.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "cli/service.h"
#include "engine/container/run_container.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    CreateFlags create;
    engine::AttachOptions attach;
    std::vector<std::string> streams;
    bool is_detached = false;
    std::vector<int> preserved_fds;
    std::string result_file;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Create a container from an image and start it. Without --detach, its output and errors "
        "appear here, and the status of nau is that of the command inside.");
    flags.toggle(
        "-d,--detach", "Run in the background and print the container's id", options.is_detached);
    declare_record_flags(flags, options.create);
    flags
        .parsed("-a,--attach",
                "STREAM",
                "Connect only this stream",
                [&options](std::string_view text) { options.streams.emplace_back(text); })
        .one_of({"stdin", "stdout", "stderr"})
        .repeatable();
    declare_detach_keys(flags, options.attach.detach_keys);
    declare_signal_proxy(flags, options.attach.forwards_signals);
    declare_preserved_fds(flags, options.preserved_fds);
    declare_create_flags(flags, options.create);
    flags
        .parsed("--result",
                "[json:]FILE",
                "Write to this file how the run ended, as a JSON object",
                [&options](std::string_view text) {
                    constexpr std::string_view kFormat = "json:";
                    options.result_file =
                        text.substr(text.starts_with(kFormat) ? kFormat.size() : 0);
                    if (options.result_file.empty()) {
                        throw Error(ErrorKind::invalid, "names no file");
                    }
                })
        .completes(cli::Complete::file)
        .explain(
            "Members: id, name, image, imageId, imageDigest, command, exitCode, signal, cause, "
            "oomKilled, "
            "error, startedAt, finishedAt, memoryPeakBytes, cpuNs, ioReadBytes, ioWrittenBytes, "
            "logLostBytes and timingsNs (image, create, start, run, total). What is not known is "
            "null. The "
            "file is written as well when the container could not be started.");
    flags.example("nau run --rm alpine echo hello");
    flags.example("nau run -it --name box debian bash");
    flags.example("nau run -d --network host -v ./site:/srv:ro httpd");
}

engine::AttachOptions attach_options(const Options& options) {
    engine::AttachOptions attach = options.attach;
    const auto wants = [&](std::string_view stream) {
        const auto& streams = options.streams;
        return streams.empty() ||
               std::find(streams.begin(), streams.end(), stream) != streams.end();
    };
    attach.has_stdin = options.create.process.options.keeps_stdin && wants("stdin");
    attach.has_stdout = wants("stdout");
    attach.has_stderr = wants("stderr");
    return attach;
}

int run(cli::Context& context, const Options& options) {
    if (options.is_detached && !options.streams.empty()) {
        throw Error(ErrorKind::invalid, "--detach and --attach contradict each other");
    }
    if (options.is_detached && !options.result_file.empty()) {
        throw Error(ErrorKind::invalid,
                    "--detach and --result contradict each other: the result is known at the end")
            .with_hint("'nau wait' and 'nau inspect' tell it of a container in the background");
    }
    engine::RunOptions wanted;
    wanted.create = finish_create(context, options.create);
    wanted.is_detached = options.is_detached;
    wanted.attach = attach_options(options);
    wanted.preserved_fds = options.preserved_fds;
    wanted.service = cli::caller_service_manager(context);
    wanted.result_file = options.result_file;
    wanted.cid_file = options.create.cid_file;
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.create.is_quiet));
    const engine::RunResult result =
        engine::run_container(context.engine(), wanted, &display, display.stop_token());
    if (options.is_detached) {
        context.out().print("{}\n", result.id);
        return 0;
    }
    return cli::exit_code_of(result.exit);
}

}  // namespace

constinit const cli::Command run_command =
    cli::make_command<Options, declare, run>("Run a command in a new container");

}  // namespace nau::subcommands
