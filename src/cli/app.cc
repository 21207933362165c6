#include "cli/app.h"

#include <algorithm>
#include <csignal>
#include <unistd.h>

#include "cli/context.h"
#include "cli/error_report.h"
#include "cli/exit_code.h"
#include "cli/flag_parser.h"
#include "cli/help.h"
#include "cli/suggest.h"
#include "cli/usage_error.h"

namespace nau::cli {

namespace {

constexpr size_t kHelpColumns = 80;
constexpr size_t kWidestHelp = 110;

using Words = std::span<const char* const>;

size_t help_columns(const Output& out) noexcept {
    return std::min(out.columns_or(kHelpColumns), kWidestHelp);
}

int print_help(std::string_view text) {
    Output out(STDOUT_FILENO);
    out.write(text);
    out.flush();
    return 0;
}

size_t columns() {
    return help_columns(Output(STDOUT_FILENO));
}

[[noreturn]] void fail_unknown_command(const CommandTable& table,
                                       std::string_view group,
                                       std::string_view word) {
    std::vector<std::string_view> known;
    for (const CommandRow& row : table.rows) {
        if (row.group == group && row.listing != Listing::hidden) {
            known.push_back(row.name);
        }
    }
    if (group.empty()) {
        for (const CommandGroup& each : table.groups) {
            known.push_back(each.name);
        }
    }
    const std::string command = group.empty() ? "nau" : fmt::format("nau {}", group);
    const std::string_view guess = nearest_word(word, known);
    if (guess.empty()) {
        throw UsageError(command, "unknown command '{} {}'", command, word);
    }
    throw UsageError(
        command, "unknown command '{} {}', did you mean '{} {}'?", command, word, command, guess);
}

/// The words that name a command, and the row they name.
struct Found {
    const CommandRow* row = nullptr;
    const CommandGroup* group = nullptr;  ///< without a row: help of the group was asked for
    std::string path;
    Words rest;
};

bool asks_for_help(std::string_view word) noexcept {
    return word == "--help" || word == "-h" || word == "help";
}

Found find_command(const CommandTable& table, Words words) {
    const std::string_view typed = words[0];
    const std::string_view first = typed == "net" ? "network" : typed;  // as ip(8) has it
    if (const CommandGroup* group = table.find_group(first)) {
        const std::string path = fmt::format("nau {}", first);
        if (words.size() < 2) {
            throw UsageError(path, "missing command '{} COMMAND'", path);
        }
        const std::string_view second = words[1];
        if (const CommandRow* row = table.find(first, second)) {
            return {.row = row,
                    .group = group,
                    .path = fmt::format("{} {}", path, second),
                    .rest = words.subspan(2)};
        }
        if (asks_for_help(second)) {
            return {.row = nullptr, .group = group, .path = path, .rest = {}};
        }
        fail_unknown_command(table, first, second);
    }
    if (const CommandRow* row = table.find("", first)) {
        return {.row = row,
                .group = nullptr,
                .path = fmt::format("nau {}", first),
                .rest = words.subspan(1)};
    }
    fail_unknown_command(table, "", first);
}

int run_command(const CommandTable& table, const Found& found, GlobalOptions& globals) {
    if (found.row == nullptr) {
        return print_help(group_help(table, *found.group, columns()));
    }
    const auto invocation = found.row->command->make(found.path);
    declare_global_flags(invocation->flags(), globals);
    if (parse(invocation->flags(), found.rest) == ParseOutcome::help) {
        return print_help(command_help(*found.row->command, invocation->flags(), columns()));
    }
    Context context(table, globals);
    const int status = invocation->run(context);
    context.out().flush();
    return status;
}

/// `nau help`, `nau help run`, `nau help container rm`.
int print_help_of(const CommandTable& table, const FlagSet& globals, Words words) {
    if (words.empty()) {
        return print_help(program_help(table, globals, columns()));
    }
    std::vector<const char*> asked(words.begin(), words.end());
    asked.push_back("--help");
    GlobalOptions unused;
    return run_command(table, find_command(table, asked), unused);
}

int run_words(const CommandTable& table, Words words) {
    GlobalOptions globals;
    FlagSet flags("nau");
    declare_program_flags(flags, globals);
    const PrefixOutcome prefix = parse_prefix(flags, words);
    if (prefix.outcome == ParseOutcome::help) {
        return print_help(program_help(table, flags, columns()));
    }
    if (globals.wants_version) {
        return print_help(fmt::format("nau version {}\n", program_version()));
    }
    const Words rest = words.subspan(prefix.words_used);
    if (rest.empty()) {
        throw UsageError("nau", "missing command 'nau COMMAND'");
    }
    if (rest[0] == std::string_view("help")) {
        return print_help_of(table, flags, rest.subspan(1));
    }
    return run_command(table, find_command(table, rest), globals);
}

/// Writing to a pipe without reader returns EPIPE instead of ending nau in the middle of its work.
/// A handler, not SIG_IGN, because that would be inherited by every program nau starts.
void catch_broken_pipes() noexcept {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    (void)::sigaction(SIGPIPE, &action, nullptr);  // cannot fail for this signal
}

/// Ends as a program does that did not catch the signal.
int end_by_broken_pipe() noexcept {
    (void)::signal(SIGPIPE, SIG_DFL);
    (void)::raise(SIGPIPE);
    return 128 + SIGPIPE;  // the signal is blocked
}

}  // namespace

std::string_view program_version() noexcept {
    return NAU_VERSION;
}

int run_app(const CommandTable& table, std::span<const char* const> words) noexcept {
    catch_broken_pipes();
    try {
        return run_words(table, words);
    } catch (const OutputClosed&) {
        return end_by_broken_pipe();
    } catch (const UsageError& error) {
        report_error(error);
        return kFailure;
    } catch (const std::exception& error) {
        report_error(error);
        return exit_code_of(error);
    }
}

}  // namespace nau::cli
