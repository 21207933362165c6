#pragma once

// Signal names as people write them: "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3".

#include <string>
#include <string_view>

namespace nau::engine {

/// @throws Error{invalid} naming the word
int parse_signal(std::string_view word);

/// "SIGTERM"; "SIGRTMIN+3"
std::string signal_name(int number);

}  // namespace nau::engine
