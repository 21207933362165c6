#include "cli/text.h"

#include <doctest/doctest.h>

#include "cli/suggest.h"
#include "cli/table.h"

using namespace nau::cli;  // NOLINT(google-build-using-namespace): a test

TEST_CASE("width is what a terminal shows") {
    CHECK(display_width("") == 0);
    CHECK(display_width("abc") == 3);
    CHECK(display_width("äöü") == 3);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("e\u0301") == 1);
    CHECK(display_width("\xFF\xC3") == 2);
}

TEST_CASE("nothing in a text can steer the terminal") {
    CHECK(escape_control("plain ü 日") == "plain ü 日");
    CHECK(escape_control("a\nb\tc\rd") == "a\\nb\\tc\\rd");
    CHECK(escape_control("\x1b[31m") == "\\x1b[31m");
    CHECK(escape_control("\xC2\x9B") == "\\x9b");
    CHECK(escape_control("a\x7f") == "a\\x7f");
    CHECK(escape_control("\u202Egnp.exe") == "\\u202egnp.exe");
    CHECK(escape_control("\xFFx") == "\uFFFDx");
    CHECK(escape_control("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");  // a surrogate
    CHECK(escape_control("\xC0\xAF") == "\uFFFD\uFFFD");            // overlong
    CHECK(escape_control(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("texts are cut to columns") {
    CHECK(truncate_to_width("abcdef", 6) == "abcdef");
    CHECK(truncate_to_width("abcdef", 4) == "abc…");
    CHECK(truncate_to_width("日本語", 4) == "日…");
    CHECK(truncate_to_width("abc", 0).empty());
}

TEST_CASE("texts are wrapped at blanks") {
    CHECK(wrap("one two three", 7) == std::vector<std::string_view>{"one two", "three"});
    CHECK(wrap("incredible", 4) == std::vector<std::string_view>{"incredible"});
    CHECK(wrap("incredible word", 4) == std::vector<std::string_view>{"incredible", "word"});
    CHECK(wrap("", 4) == std::vector<std::string_view>{""});
}

TEST_CASE("columns are as wide as their widest cell and two blanks, twelve at least") {
    Table table;
    table.add_row({"ID", "NAME", "LAST"});
    table.add_row({"1", "a rather long name", ""});
    table.add_row({"日本", "x\ny", "z"});
    CHECK(table.text() ==
          "ID          NAME                LAST\n"
          "1           a rather long name\n"
          "日本        x\\ny                z\n");
}

TEST_CASE("the nearest word is guessed only when it is near") {
    constexpr std::string_view kWords[] = {"run", "rm", "rmi", "images", "inspect"};
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("rnu", "run") == 1);
    CHECK(nearest_word("rnu", kWords) == "run");
    CHECK(nearest_word("image", kWords) == "images");
    CHECK(nearest_word("insp", kWords) == "inspect");
    CHECK(nearest_word("zzz", kWords).empty());
    CHECK(nearest_word("x", kWords).empty());
    CHECK(nearest_word(std::string(100, 'r'), kWords).empty());
}
