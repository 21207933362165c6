#include "cli/help.h"

#include <algorithm>

#include <fmt/core.h>

#include "cli/text.h"

namespace nau::cli {

namespace {

struct Entry {
    std::string left;
    std::string right;
};

/// Left column as wide as it needs to be, the right one wrapped; an entry that is too wide on the
/// left starts its text on the next line.
void append_entries(const std::vector<Entry>& entries, size_t columns, std::string& out) {
    constexpr size_t kWidestLeft = 28;
    constexpr size_t kGap = 2;
    size_t left = 0;
    for (const Entry& entry : entries) {
        if (entry.left.size() <= kWidestLeft) {
            left = std::max(left, entry.left.size());
        }
    }
    const size_t indent = kGap + left + kGap;
    const size_t room = columns > indent + 20 ? columns - indent : 20;
    for (const Entry& entry : entries) {
        out += fmt::format("  {:<{}}", entry.left, left);
        bool starts_line = entry.left.size() > left;
        for (const std::string_view line : wrap(entry.right, room)) {
            out += starts_line ? fmt::format("\n{:{}}", "", indent) : std::string(kGap, ' ');
            out += line;
            starts_line = true;
        }
        while (out.ends_with(' ')) {
            out.pop_back();
        }
        out += '\n';
    }
}

std::string flag_text(const Flag& flag) {
    std::string text(flag.description);
    if (!flag.choices.empty()) {
        text += " (";
        for (size_t i = 0; i < flag.choices.size(); ++i) {
            text += i == 0 ? "" : ", ";
            text += flag.choices[i];
        }
        text += ')';
    }
    if (!flag.default_text.empty()) {
        text += fmt::format(" [default: {}]", flag.default_text);
    }
    return text;
}

void append_flags(std::span<const Flag> flags, size_t columns, std::string& out) {
    std::vector<std::string_view> sections;
    for (const Flag& flag : flags) {
        if (!flag.is_hidden &&
            std::find(sections.begin(), sections.end(), flag.section) == sections.end()) {
            sections.push_back(flag.section);
        }
    }
    for (const std::string_view section : sections) {
        out += fmt::format("\n{}:\n", section.empty() ? "Options" : section);
        std::vector<Entry> entries;
        for (const Flag& flag : flags) {
            if (!flag.is_hidden && flag.section == section) {
                entries.push_back({.left = flag_synopsis(flag), .right = flag_text(flag)});
            }
        }
        append_entries(entries, columns, out);
    }
}

void append_paragraph(std::string_view text, size_t columns, std::string& out) {
    for (const std::string_view line : wrap(text, columns)) {
        out += line;
        out += '\n';
    }
}

std::vector<Entry> command_entries(const CommandTable& table, std::string_view group) {
    std::vector<Entry> entries;
    for (const CommandRow& row : table.rows) {
        if (row.group == group && row.listing == Listing::shown) {
            entries.push_back(
                {.left = std::string(row.name), .right = std::string(row.command->summary)});
        }
    }
    return entries;
}

}  // namespace

std::string flag_synopsis(const Flag& flag) {
    std::string text =
        flag.short_name == '\0' ? std::string(4, ' ') : fmt::format("-{}", flag.short_name);
    if (!flag.long_name.empty()) {
        text += fmt::format("{}--{}", flag.short_name == '\0' ? "" : ", ", flag.long_name);
    }
    if (!flag.is_switch()) {
        text += fmt::format(" {}", flag.value_name);
    }
    return text;
}

std::string usage_of(const FlagSet& flags) {
    std::string text = flags.own_flags().empty() ? "" : " [OPTIONS]";
    if (!flags.usage().empty()) {
        return fmt::format("{} {}", text, flags.usage());
    }
    for (const Argument& argument : flags.arguments()) {
        const std::string_view dots = argument.is_list ? "..." : "";
        text += argument.is_required ? fmt::format(" {}{}", argument.name, dots)
                                     : fmt::format(" [{}{}]", argument.name, dots);
    }
    return text;
}

std::string command_help(const Command& command, const FlagSet& flags, size_t columns) {
    std::string out =
        fmt::format("{}\n\nUsage:\n  {}{}\n", command.summary, flags.command(), usage_of(flags));
    if (!flags.description().empty()) {
        out += '\n';
        append_paragraph(flags.description(), columns, out);
    }
    append_flags(flags.own_flags(), columns, out);
    if (!flags.examples().empty()) {
        out += "\nExamples:\n";
        for (const std::string_view example : flags.examples()) {
            out += fmt::format("  {}\n", example);
        }
    }
    return out;
}

std::string program_help(const CommandTable& table, const FlagSet& globals, size_t columns) {
    std::string out =
        "Run OCI containers: one program, no daemon\n\nUsage:\n  nau [OPTIONS] COMMAND\n"
        "\nCommands:\n";
    append_entries(command_entries(table, ""), columns, out);
    out += "\nGroups:\n";
    std::vector<Entry> groups;
    for (const CommandGroup& group : table.groups) {
        groups.push_back({.left = std::string(group.name), .right = std::string(group.summary)});
    }
    append_entries(groups, columns, out);
    append_flags(globals.flags(), columns, out);
    out += "\nSee 'nau COMMAND --help' for the options of a command.\n";
    return out;
}

std::string group_help(const CommandTable& table, const CommandGroup& group, size_t columns) {
    std::string out =
        fmt::format("{}\n\nUsage:\n  nau {} COMMAND\n\nCommands:\n", group.summary, group.name);
    append_entries(command_entries(table, group.name), columns, out);
    return out;
}

}  // namespace nau::cli
