#pragma once

// The texts of --help. Pure: golden files pin them.

#include <string>
#include <string_view>

#include "cli/command.h"

namespace nau::cli {

/// "nau run --help".
std::string command_help(const Command& command, const FlagSet& flags, size_t columns);
/// "nau --help": all commands and the global flags.
std::string program_help(const CommandTable& table, const FlagSet& globals, size_t columns);
/// "nau container --help".
std::string group_help(const CommandTable& table, const CommandGroup& group, size_t columns);

/// "run [OPTIONS] IMAGE [COMMAND [ARG...]]" without the command's name.
std::string usage_of(const FlagSet& flags);

/// "-m, --memory BYTES" as help and man page show it.
std::string flag_synopsis(const Flag& flag);

}  // namespace nau::cli
