#include "engine/container/signals.h"

#include <csignal>
#include <cstring>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine {

namespace {

std::string to_upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return out;
}

int real_time_signal(std::string_view name) noexcept {
    const bool is_from_min = name.starts_with("RTMIN");
    if (!is_from_min && !name.starts_with("RTMAX")) {
        return 0;
    }
    const int base = is_from_min ? SIGRTMIN : SIGRTMAX;
    name.remove_prefix(5);
    if (name.empty()) {
        return base;
    }
    const auto offset = parse_uint64(name.substr(1));
    if (!offset || *offset > 64 || name.front() != (is_from_min ? '+' : '-')) {
        return 0;
    }
    const int number = base + (is_from_min ? 1 : -1) * static_cast<int>(*offset);
    return number >= SIGRTMIN && number <= SIGRTMAX ? number : 0;
}

}  // namespace

int parse_signal(std::string_view word) {
    if (const auto number = parse_uint64(word)) {
        if (*number >= 1 && *number <= static_cast<uint64_t>(SIGRTMAX)) {
            return static_cast<int>(*number);
        }
    }
    std::string name = to_upper(word);
    if (name.starts_with("SIG")) {
        name.erase(0, 3);
    }
    for (int number = 1; number < 32; ++number) {
        const char* known = sigabbrev_np(number);
        if (known != nullptr && name == known) {
            return number;
        }
    }
    if (const int number = real_time_signal(name); number != 0) {
        return number;
    }
    throw Error(ErrorKind::invalid, "unknown signal '{}'", word)
        .with_hint("signals are names as in signal(7), such as TERM, or numbers");
}

std::string signal_name(int number) {
    if (const char* name = sigabbrev_np(number)) {
        return fmt::format("SIG{}", name);
    }
    if (number >= SIGRTMIN && number <= SIGRTMAX) {
        return fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
    }
    return std::to_string(number);
}

}  // namespace nau::engine
