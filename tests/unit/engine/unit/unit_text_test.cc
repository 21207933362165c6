#include "engine/unit/unit_text.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau::engine::unit;  // NOLINT(google-build-using-namespace): what is tested

namespace {

UnitText parse(std::string_view text) {
    UnitText unit;
    parse_unit(text, "a.container", unit);
    return unit;
}

std::string error_of(std::string_view text) {
    try {
        (void)parse(text);
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "";
}

}  // namespace

TEST_CASE("sections of the same name are one, comments and empty lines are nothing") {
    const UnitText unit = parse("# c\n[A]\n; c\n x = 1 \n\n[B]\ny=\n[A]\nx=2\n");
    REQUIRE(unit.sections.size() == 2);
    CHECK(unit.find("A")->entries.size() == 2);
    CHECK(unit.find("A", "x")->value == "2");
    CHECK(unit.find("A", "x")->line == 9);
    CHECK(unit.find("B", "y")->value.empty());
    CHECK(unit.find("B", "x") == nullptr);
    CHECK(to_text(unit) == "[A]\nx=1\nx=2\n\n[B]\ny=\n");
}

TEST_CASE("a line goes on after a backslash, over comments, and is counted where it begins") {
    const UnitText unit = parse("[A]\nx=1 \\\n# not this\n  2 \\\n3\ny=4\\");
    CHECK(split_words(unit.find("A", "x")->value) == std::vector<std::string>{"1", "2", "3"});
    CHECK(unit.find("A", "x")->line == 2);
    CHECK(unit.find("A", "y")->value == "4");
}

TEST_CASE("what is no unit file is an error with its line") {
    CHECK(error_of("x=1\n") == "a.container:1: stands before the first [Section]");
    CHECK(error_of("[A]\nnothing\n") ==
          "a.container:2: 'nothing' is neither Key=value nor [Section]");
    CHECK(error_of("[A]\n[B\n") == "a.container:2: a section is [Name]");
    CHECK(error_of("[A]\n=1\n") == "a.container:2: '=1' is neither Key=value nor [Section]");
    CHECK_FALSE(error_of(std::string_view("[A]\n\0", 5)).empty());
}

TEST_CASE("words have quotes and escapes") {
    using Words = std::vector<std::string>;
    CHECK(split_words(R"(a "b c" 'd "e"' f\sg)") == Words{"a", "b c", "d \"e\"", "f g"});
    CHECK(split_words(R"(x="1 2" "" \x41\n \q)") == Words{"x=1 2", "", "A\n", "\\q"});
    CHECK(split_words("  \t ").empty());
    CHECK_THROWS_AS((void)split_words("a 'b"), nau::Error);
}

TEST_CASE("a quoted word is read back as it was") {
    for (const char* word : {"plain",
                             "",
                             "a b",
                             "it's",
                             "\"q\"",
                             "back\\slash",
                             "new\nline",
                             "%h/$X",
                             ";",
                             "tab\t",
                             "ä"}) {
        CAPTURE(word);
        const auto words = split_words(quote_word(word));
        REQUIRE(words.size() == 1);
        CHECK(words.front() == word);
    }
    CHECK(join_words({"/usr/bin/nau", "run", "a b"}) == "/usr/bin/nau run \"a b\"");
}
