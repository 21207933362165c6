#pragma once

// Golden files: what a pure function made, compared with a file that people have read. With
// NAU_TEST_ACCEPT=1 in the environment the file is written instead; look at the difference before
// you commit it.

#include <string>
#include <string_view>

namespace nau::test {

/// `path` is relative to tests/. Fails the doctest test and shows the first line that differs.
void check_golden(std::string_view path, const std::string& text);

}  // namespace nau::test
