// The whole command line as JSON: what man pages, completions and lints are made from.

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/app.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/listing.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {};

void declare(cli::FlagSet& flags, Options&) {
    flags.description("Print the table of all commands and flags as JSON.");
}

Json flag_json(const cli::Flag& flag) {
    return {{"long", flag.long_name},
            {"short", flag.short_name == '\0' ? "" : std::string(1, flag.short_name)},
            {"value", flag.value_name},
            {"description", flag.description},
            {"details", flag.details},
            {"section", flag.section.empty() ? "Options" : flag.section},
            {"default", flag.default_text},
            {"choices", flag.choices},
            {"completion", cli::to_string(flag.completion)},
            {"repeatable", flag.is_repeatable},
            {"hidden", flag.is_hidden}};
}

Json flags_json(std::span<const cli::Flag> flags) {
    Json list = Json::array();
    for (const cli::Flag& flag : flags) {
        list.push_back(flag_json(flag));
    }
    return list;
}

Json arguments_json(const cli::FlagSet& flags) {
    Json list = Json::array();
    for (const cli::Argument& argument : flags.arguments()) {
        list.push_back({{"name", argument.name},
                        {"completion", cli::to_string(argument.completion)},
                        {"required", argument.is_required},
                        {"list", argument.is_list}});
    }
    return list;
}

Json refused_json(const cli::FlagSet& flags) {
    Json list = Json::array();
    for (const cli::RefusedFlag& refused : flags.refused()) {
        list.push_back({{"names", refused.names}, {"reason", refused.reason}});
    }
    return list;
}

std::string_view listing_word(cli::Listing listing) {
    switch (listing) {
        case cli::Listing::shown:
            return "shown";
        case cli::Listing::alias:
            return "alias";
        case cli::Listing::hidden:
            return "hidden";
    }
    return "";
}

Json command_json(const cli::CommandTable& table, const cli::CommandRow& row) {
    const std::string path = row.group.empty() ? fmt::format("nau {}", row.name)
                                               : fmt::format("nau {} {}", row.group, row.name);
    const auto invocation = row.command->make(path);
    const cli::FlagSet& flags = invocation->flags();
    // The first row of a command is its home; the others are the same command by another name.
    const auto home = std::find_if(table.rows.begin(), table.rows.end(), [&](const auto& other) {
        return other.command == row.command;
    });
    return {{"path", path},
            {"group", row.group},
            {"name", row.name},
            {"home",
             home->group.empty() ? fmt::format("nau {}", home->name)
                                 : fmt::format("nau {} {}", home->group, home->name)},
            {"listing", listing_word(row.listing)},
            {"summary", row.command->summary},
            {"usage", fmt::format("{}{}", path, cli::usage_of(flags))},
            {"description", flags.description()},
            {"examples",
             Json(std::vector<std::string>(flags.examples().begin(), flags.examples().end()))},
            {"stops_at_first_argument", flags.stops_at_first_argument()},
            {"flags", flags_json(flags.flags())},
            {"arguments", arguments_json(flags)},
            {"refused", refused_json(flags)}};
}

int run(cli::Context& context, const Options&) {
    const cli::CommandTable& table = context.table();
    Json commands = Json::array();
    for (const cli::CommandRow& row : table.rows) {
        commands.push_back(command_json(table, row));
    }
    Json groups = Json::array();
    for (const cli::CommandGroup& group : table.groups) {
        groups.push_back({{"name", group.name}, {"summary", group.summary}});
    }
    cli::GlobalOptions options;
    cli::FlagSet globals("nau");
    cli::declare_program_flags(globals, options);
    cli::print_json(context.out(),
                    {{"version", cli::program_version()},
                     {"globals", flags_json(globals.flags())},
                     {"groups", std::move(groups)},
                     {"commands", std::move(commands)}});
    return 0;
}

}  // namespace

constinit const cli::Command dump_commands =
    cli::make_command<Options, declare, run>("Print the table of commands");

}  // namespace nau::subcommands
