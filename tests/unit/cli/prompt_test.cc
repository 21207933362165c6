#include "cli/prompt.h"

#include <doctest/doctest.h>

using nau::cli::edited_line;

TEST_CASE("keys that take characters back") {
    CHECK(edited_line("secret") == "secret");
    CHECK(edited_line("secrt\x7f"
                      "et") == "secret");
    CHECK(edited_line("a\x08\x08\x08"
                      "b") == "b");
    CHECK(edited_line("typo\x15right") == "right");
    CHECK(edited_line("\xc3\xa4\x7fx") == "x");
    CHECK(edited_line("x\xf0\x9f\xa6\x80\x7f") == "x");
    CHECK(edited_line("\x7f").empty());
}
