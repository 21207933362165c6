#pragma once

// What all verbs of the OCI runtime command line share: the flags that runc takes before the verb,
// and how a failure is told. They may stand behind the verb as well.

#include <functional>
#include <string>
#include <vector>

#include "cli/flag_set.h"
#include "engine/oci_runtime/start_process.h"

namespace nau::subcommands::runtime {

struct Globals {
    std::string root;
    std::string log;
    std::string log_format = "text";
    std::string rootless;
    bool by_systemd = false;
    bool is_debug = false;
};

void declare_globals(cli::FlagSet& flags, Globals& globals);
/// The same without --rootless, for the verb that has another flag of that name.
void declare_globals_but_rootless(cli::FlagSet& flags, Globals& globals);

/// --root, made absolute; the default when it was not given.
std::string state_root(const Globals& globals);

constexpr int kVerbFailed = 1;

/// Runs `work`; an error is logged and told in runc's form, and becomes `failure`.
int run_verb(const Globals& globals, const std::function<int()>& work, int failure = kVerbFailed);

/// For errors before a verb is known. @throws nothing
int report_usage(const Globals& globals, const std::exception& error) noexcept;

/// --console-socket, --pid-file, --preserve-fds.
void declare_process_io(cli::FlagSet& flags, engine::oci_runtime::ProcessIo& io);

}  // namespace nau::subcommands::runtime
