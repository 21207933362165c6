#include "cli/prompt.h"

#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace nau::cli {

namespace {

constexpr size_t kLongestLine = size_t{64} << 10U;

enum Key : char {
    kCtrlC = 0x03,
    kCtrlD = 0x04,
    kBackspace = 0x08,
    kCtrlU = 0x15,
    kDelete = 0x7f,
};

bool is_continuation(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

void take_character_away(std::string& line) {
    while (!line.empty() && is_continuation(line.back())) {
        line.pop_back();
    }
    if (!line.empty()) {
        line.pop_back();
    }
}

Error no_answer() {
    return {ErrorKind::interrupted, "no answer"};
}

}  // namespace

std::string edited_line(std::string_view keys) {
    std::string line;
    for (const char key : keys) {
        if (key == kBackspace || key == kDelete) {
            take_character_away(line);
        } else if (key == kCtrlU) {
            line.clear();
        } else {
            line.push_back(key);
        }
    }
    return line;
}

std::string ask_line(std::string_view question) {
    sys::write_all(STDERR_FILENO, question);
    std::string line;
    char c = '\0';
    while (line.size() < kLongestLine) {
        if (sys::read_some(STDIN_FILENO, &c, 1) == 0) {
            if (line.empty()) {
                throw no_answer();
            }
            break;
        }
        if (c == '\n') {
            break;
        }
        line.push_back(c);
    }
    return std::string(trim(line));
}

std::string ask_secret(std::string_view question) {
    // No signals from keys: one that ended nau would leave a terminal that shows nothing.
    sys::TerminalMode mode = sys::TerminalMode::make_raw(STDIN_FILENO);
    sys::write_all(STDERR_FILENO, question);
    std::string keys;
    char c = '\0';
    bool is_given_up = false;
    while (keys.size() < kLongestLine) {
        const bool is_end = sys::read_some(STDIN_FILENO, &c, 1) == 0;
        if (is_end || c == kCtrlC || (c == kCtrlD && keys.empty())) {
            is_given_up = true;
            break;
        }
        if (c == '\r' || c == '\n' || c == kCtrlD) {
            break;
        }
        keys.push_back(c);
    }
    mode.restore();
    sys::write_all(STDERR_FILENO, "\n");
    if (is_given_up) {
        throw no_answer();
    }
    return edited_line(keys);
}

}  // namespace nau::cli
