#include "cli/error_report.h"

#include <unistd.h>

#include <fmt/core.h>

#include "cli/text.h"
#include "cli/usage_error.h"

namespace nau::cli {

std::string error_lines(const std::exception& error) {
    std::string lines = fmt::format("Error: {}\n", escape_control(error.what()));
    if (const auto* own = dynamic_cast<const Error*>(&error); own && !own->hint().empty()) {
        lines += fmt::format("Hint: {}\n", escape_control(own->hint()));
    }
    if (const auto* usage = dynamic_cast<const UsageError*>(&error)) {
        lines += fmt::format("See '{} --help'\n", usage->command());
    }
    return lines;
}

void report_error(const std::exception& error) noexcept {
    try {
        const std::string lines = error_lines(error);
        (void)!::write(STDERR_FILENO, lines.data(), lines.size());  // no other place to complain
    } catch (...) {
        // Out of memory: the exit status still tells.
    }
}

}  // namespace nau::cli
