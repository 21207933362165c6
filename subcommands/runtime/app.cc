#include "subcommands/runtime/app.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <unistd.h>
#include <vector>

#include "cli/app.h"
#include "cli/context.h"
#include "cli/flag_parser.h"
#include "cli/help.h"
#include "cli/usage_error.h"
#include "engine/oci_runtime/features.h"
#include "subcommands/commands.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands::runtime {

namespace {

constexpr std::string_view kGroup = "runtime";
constexpr size_t kHelpColumns = 80;

int print(std::string_view text) {
    cli::Output out(STDOUT_FILENO);
    out.write(text);
    out.flush();
    return 0;
}

int print_group_help() {
    return print(cli::group_help(commands(), *commands().find_group(kGroup), kHelpColumns));
}

/// Flags before the verb are read where all flags are read: behind it.
std::vector<const char*> move_behind_verb(std::span<const char* const> words, size_t verb) {
    std::vector<const char*> moved(words.begin(), words.begin() + static_cast<ptrdiff_t>(verb));
    moved.insert(moved.end(), words.begin() + static_cast<ptrdiff_t>(verb) + 1, words.end());
    return moved;
}

int run_verb_words(const cli::CommandRow& row, std::span<const char* const> words) {
    const auto invocation = row.command->make(fmt::format("nau runtime {}", row.name));
    if (cli::parse(invocation->flags(), words) == cli::ParseOutcome::help) {
        return print(cli::command_help(*row.command, invocation->flags(), kHelpColumns));
    }
    const cli::GlobalOptions unused;
    cli::Context context(commands(), unused);
    const int status = invocation->run(context);
    context.out().flush();
    return status;
}

int run_words(std::span<const char* const> words, Globals& globals) {
    bool wants_version = false;
    cli::FlagSet flags("nau runtime");
    flags.toggle("-v,--version", "Print the version", wants_version);
    declare_globals(flags, globals);
    const cli::PrefixOutcome prefix = cli::parse_prefix(flags, words);
    if (prefix.outcome == cli::ParseOutcome::help) {
        return print_group_help();
    }
    if (wants_version) {
        return print(engine::oci_runtime::version_text(cli::program_version()));
    }
    if (prefix.words_used == words.size()) {
        throw cli::UsageError("nau runtime", "missing verb 'nau runtime VERB'");
    }
    const std::string_view verb = words[prefix.words_used];
    if (verb == "help") {
        return print_group_help();
    }
    const cli::CommandRow* row = commands().find(kGroup, verb);
    if (row == nullptr) {
        throw cli::UsageError("nau runtime", "unknown verb '{}'", verb);
    }
    return run_verb_words(*row, move_behind_verb(words, prefix.words_used));
}

}  // namespace

bool is_runtime_name(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 3> kNames = {"nau-runtime", "runc", "crun"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

int run_app(std::span<const char* const> words) noexcept {
    Globals globals;
    try {
        return run_words(words, globals);
    } catch (const cli::OutputClosed&) {
        // Ends as a program does that did not catch the signal.
        (void)::signal(SIGPIPE, SIG_DFL);
        (void)::raise(SIGPIPE);
        return kVerbFailed;
    } catch (const std::exception& error) {
        return report_usage(globals, error);
    }
}

}  // namespace nau::subcommands::runtime
