#pragma once

// Reads the words after a command, in the grammar of podman's and docker's flags:
//
//   --name VALUE   --name=VALUE   -n VALUE   -nVALUE   -n=VALUE
//   --rm   --rm=false   -it   -itd   -te VALUE
//   --             the rest is arguments
//
// A flag that takes a value takes the next word whatever it looks like ("--memory-swap -1",
// "--entrypoint -x"). Nothing is thrown unless the user made a mistake.

#include <span>
#include <string_view>

#include "cli/flag_set.h"

namespace nau::cli {

enum class ParseOutcome { run, help };

/// Stores every value in the variables that `flags` was declared with.
/// @throws UsageError naming the word that is wrong
ParseOutcome parse(const FlagSet& flags, std::span<const char* const> words);

/// As parse(), for a set that stops at the first argument and stores none: returns how many words
/// were flags.
struct PrefixOutcome {
    ParseOutcome outcome = ParseOutcome::run;
    size_t words_used = 0;
};
PrefixOutcome parse_prefix(const FlagSet& flags, std::span<const char* const> words);

}  // namespace nau::cli
