#include "subcommands/runtime/verb.h"

#include "base/error.h"
#include "cli/output.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/report.h"

namespace nau::subcommands::runtime {

namespace oci_runtime = engine::oci_runtime;

namespace {

constexpr std::string_view kSection = "Options of all verbs";

oci_runtime::LogOptions log_options(const Globals& globals) {
    return {.path = globals.log,
            .format = globals.log_format == "json" ? oci_runtime::LogFormat::json
                                                   : oci_runtime::LogFormat::text,
            .is_debug = globals.is_debug};
}

void tell(const std::exception& error) noexcept {
    try {
        std::string text = error.what();
        if (const auto* own = dynamic_cast<const Error*>(&error); own && !own->hint().empty()) {
            text += fmt::format(" ({})", own->hint());
        }
        oci_runtime::report_failure(text);
    } catch (...) {
        oci_runtime::report_failure("out of memory");
    }
}

}  // namespace

void declare_globals(cli::FlagSet& flags, Globals& globals) {
    declare_globals_but_rootless(flags, globals);
    flags.section(kSection);
    flags
        .value("--rootless",
               "WORD",
               "Accepted for callers of runc: nau looks for itself",
               globals.rootless)
        .one_of({"true", "false", "auto"});
    flags.section("");
}

void declare_globals_but_rootless(cli::FlagSet& flags, Globals& globals) {
    flags.section(kSection);
    flags.value("--root", "DIR", "Keep the state of containers below this directory", globals.root)
        .completes(cli::Complete::directory)
        .defaults_to("/run/nau-runtime")
        .explain("It belongs to the running system and should be a tmpfs.");
    flags.value("--log", "FILE", "Append errors and warnings to this file", globals.log)
        .completes(cli::Complete::file)
        .explain("Without it they go to standard error; the final error goes there in any case.");
    flags.value("--log-format", "FORMAT", "Write them as text or json", globals.log_format)
        .defaults_to("text")
        .one_of({"text", "json"});
    flags.toggle("--debug", "Log what is being done", globals.is_debug);
    flags.toggle("--systemd-cgroup", "Let systemd make the control groups", globals.by_systemd)
        .explain("linux.cgroupsPath is then of the form slice:prefix:name.");
    flags.section("");
}

std::string state_root(const Globals& globals) {
    return globals.root.empty() ? oci_runtime::default_state_root()
                                : oci_runtime::absolute_path(globals.root);
}

int run_verb(const Globals& globals, const std::function<int()>& work, int failure) {
    try {
        oci_runtime::open_log(log_options(globals));
        return work();
    } catch (const cli::OutputClosed&) {
        throw;  // ends as SIGPIPE would
    } catch (const std::exception& error) {
        tell(error);
        return failure;
    }
}

int report_usage(const Globals& globals, const std::exception& error) noexcept {
    try {
        oci_runtime::open_log(log_options(globals));
    } catch (const std::exception& cause) {
        tell(cause);
    }
    tell(error);
    return kVerbFailed;
}

void declare_process_io(cli::FlagSet& flags, engine::oci_runtime::ProcessIo& io) {
    flags
        .value("--console-socket",
               "PATH",
               "Send the master of the terminal to this unix socket",
               io.console_socket)
        .completes(cli::Complete::file);
    flags.value("--pid-file", "FILE", "Write the pid of the process to this file", io.pid_file)
        .completes(cli::Complete::file);
    flags.value("--preserve-fds",
                "N",
                "Pass this many descriptors on, from 3, besides the standard ones",
                io.preserve_fds);
}

}  // namespace nau::subcommands::runtime
