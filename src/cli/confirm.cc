#include "cli/confirm.h"

#include <string>
#include <unistd.h>

#include <fmt/core.h>

#include "base/parse.h"
#include "sys/file.h"

namespace nau::cli {

namespace {

constexpr size_t kLongestAnswer = 100;

}  // namespace

bool confirm(std::string_view question) {
    sys::write_all(STDERR_FILENO, fmt::format("{} [y/N] ", question));
    std::string answer;
    char c = '\0';
    while (answer.size() < kLongestAnswer && sys::read_some(STDIN_FILENO, &c, 1) == 1 &&
           c != '\n') {
        answer += c;
    }
    const std::string word = to_lower(trim(answer));
    return word == "y" || word == "yes";
}

}  // namespace nau::cli
