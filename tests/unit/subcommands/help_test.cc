// --help of every command, pinned by files; and the rules that all declarations keep.

#include "cli/help.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "subcommands/commands.h"

using nau::cli::CommandRow;
using nau::cli::Flag;
using nau::cli::FlagSet;

namespace {

std::string path_of(const CommandRow& row) {
    return row.group.empty() ? fmt::format("nau {}", row.name)
                             : fmt::format("nau {} {}", row.group, row.name);
}

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool is_accepting() {
    return std::getenv("NAU_TEST_ACCEPT") != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

/// The text must be that of the file; NAU_TEST_ACCEPT=1 makes it so.
void check_golden(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(NAU_HELP_DIRECTORY) / (name + ".txt");
    if (is_accepting()) {
        std::ofstream(path) << text;
    }
    CAPTURE(path.string());
    CHECK(read(path) == text);
}

bool is_first_row(const CommandRow& row) {
    for (const CommandRow& other : nau::subcommands::commands().rows) {
        if (other.command == row.command) {
            return &other == &row;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("the help of every command is as agreed") {
    constexpr size_t kColumns = 80;
    for (const CommandRow& row : nau::subcommands::commands().rows) {
        if (!is_first_row(row) || row.listing == nau::cli::Listing::hidden) {
            continue;
        }
        const auto invocation = row.command->make(path_of(row));
        std::string name = path_of(row);
        std::replace(name.begin(), name.end(), ' ', '-');
        check_golden(name, nau::cli::command_help(*row.command, invocation->flags(), kColumns));
    }
}

TEST_CASE("no command declares a flag twice or describes it badly") {
    for (const CommandRow& row : nau::subcommands::commands().rows) {
        const std::string path = path_of(row);
        CAPTURE(path);
        const auto invocation = row.command->make(path);
        std::set<std::string_view> longs;
        std::set<char> shorts;
        for (const Flag& flag : invocation->flags().flags()) {
            CAPTURE(flag.display_name());
            CHECK((flag.long_name.empty() || longs.insert(flag.long_name).second));
            CHECK((flag.short_name == '\0' || shorts.insert(flag.short_name).second));
            CHECK_FALSE(flag.description.empty());
            CHECK_FALSE(flag.description.ends_with('.'));
            CHECK(flag.store);
        }
        CHECK_FALSE(row.command->summary.ends_with('.'));
        CHECK_FALSE(invocation->flags().description().empty());
    }
}

TEST_CASE("a flag is not refused and taken at the same time") {
    for (const CommandRow& row : nau::subcommands::commands().rows) {
        const auto invocation = row.command->make(path_of(row));
        const FlagSet& flags = invocation->flags();
        for (const auto& refused : flags.refused()) {
            CAPTURE(refused.names);
            const std::string_view names = refused.names;
            const std::string_view name = names.substr(names.rfind("--") + 2);
            CHECK(flags.find_long(name) == nullptr);
        }
    }
}

TEST_CASE("groups list commands that exist") {
    const auto& table = nau::subcommands::commands();
    for (const CommandRow& row : table.rows) {
        CHECK((row.group.empty() || table.find_group(row.group) != nullptr));
        CHECK(table.find(row.group, row.name) == &row);
    }
}
