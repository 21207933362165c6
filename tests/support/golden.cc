#include "tests/support/golden.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/core.h>

namespace nau::test {

namespace {

std::string first_difference(const std::string& expected, const std::string& actual) {
    std::istringstream a(expected);
    std::istringstream b(actual);
    std::string line_a;
    std::string line_b;
    for (int number = 1;; ++number) {
        const bool has_a = static_cast<bool>(std::getline(a, line_a));
        const bool has_b = static_cast<bool>(std::getline(b, line_b));
        if (!has_a && !has_b) {
            return "no line differs";
        }
        if (has_a != has_b || line_a != line_b) {
            return fmt::format("line {}:\n  expected: {}\n  actual:   {}",
                               number,
                               has_a ? line_a : "(end)",
                               has_b ? line_b : "(end)");
        }
    }
}

}  // namespace

void check_golden(std::string_view path, const std::string& text) {
    const std::string full = fmt::format("{}/tests/{}", NAU_SOURCE_ROOT, path);
    const char* accept = std::getenv("NAU_TEST_ACCEPT");
    if (accept != nullptr && std::string_view(accept) == "1") {
        std::ofstream(full, std::ios::binary) << text;
    }
    std::ifstream file(full, std::ios::binary);
    std::ostringstream expected;
    expected << file.rdbuf();
    if (!file || expected.str() != text) {
        FAIL_CHECK(fmt::format("{} {}", path, first_difference(expected.str(), text)));
    } else {
        CHECK(true);
    }
}

}  // namespace nau::test
