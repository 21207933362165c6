#include "config/toml.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

using nau::config::parse_toml;

namespace {

std::string json_of(const std::string& text) {
    return nau::json::to_text(parse_toml(text, "f"));
}

std::string error_of(const std::string& text) {
    try {
        (void)parse_toml(text, "f");
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("what TOML can say") {
    struct Row {
        const char* text;
        const char* json;
    };
    for (const auto& row : {
             Row{"", "{}"},
             Row{"# only a comment", "{}"},
             Row{"a = 1 # one\r\nb = -2\n", R"({"a":1,"b":-2})"},
             Row{"a = 1_000\nb = 0x1F\nc = 0o17\nd = 0b11", R"({"a":1000,"b":31,"c":15,"d":3})"},
             Row{"a = true\nb = false", R"({"a":true,"b":false})"},
             Row{"a = 1.5e1", R"({"a":15.0})"},
             Row{R"(a = "x\ty\u00e9\"")", "{\"a\":\"x\\ty\xc3\xa9\\\"\"}"},
             Row{"a = 'C:\\x'", R"({"a":"C:\\x"})"},
             Row{"a = \"\"\"\none\\\n   two\"\"\"", R"({"a":"onetwo"})"},
             Row{"a = '''x'y'''", R"({"a":"x'y"})"},
             Row{"a = \"\"\"x\"\"\"\"", R"({"a":"x\""})"},
             Row{"a = [1, 2,\n # more\n 3,\n]", R"({"a":[1,2,3]})"},
             Row{"a = [[1], []]", R"({"a":[[1],[]]})"},
             Row{"a = {b = 1, c.d = 2}", R"({"a":{"b":1,"c":{"d":2}}})"},
             Row{"a.b = 1\na.c = 2", R"({"a":{"b":1,"c":2}})"},
             Row{"\"a.b\" = 1\n'c d' = 2", R"({"a.b":1,"c d":2})"},
             Row{"[t]\na = 1\n[t.u]\nb = 2\n[v]", R"({"t":{"a":1,"u":{"b":2}},"v":{}})"},
             Row{"[t.u]\na = 1\n[t]\nb = 2", R"({"t":{"b":2,"u":{"a":1}}})"},
             Row{"[[r]]\na = 1\n[[r.m]]\nb = 2\n[[r.m]]\nb = 3\n[[r]]\na = 4",
                 R"({"r":[{"a":1,"m":[{"b":2},{"b":3}]},{"a":4}]})"},
         }) {
        CAPTURE(row.text);
        CHECK(json_of(row.text) == row.json);
    }
}

TEST_CASE("what it cannot, with the line") {
    struct Row {
        const char* text;
        const char* error;
    };
    for (const auto& row : {
             Row{"a", "f:1: 'a' is not followed by ="},
             Row{"\na =", "f:2: a value is missing"},
             Row{"a = b", "f:1: 'b' is no value (texts are written in quotation marks)"},
             Row{"a = 2020-01-02",
                 "f:1: '2020-01-02' is no value (texts are written in quotation marks)"},
             Row{"a = 1 b = 2", "f:1: more than one thing in a line"},
             Row{"a = \"x\nb\"", "f:2: a text is not closed in its line"},
             Row{"a = \"x", "f:1: a text is not closed"},
             Row{"a = \"\\q\"", "f:1: '\\q' means nothing"},
             Row{"a = \"\\ud800\"", "f:1: an escape that is no character"},
             Row{"a = [1 2]", "f:1: the values of an array are not separated by commas"},
             Row{"a = [1,\n", "f:2: an array is not closed"},
             Row{"a = {b = 1", "f:1: an inline table is not closed"},
             Row{"a = 1\na = 2", "f:2: a is set a second time"},
             Row{"[a]\n[a]", "f:2: table a is there a second time"},
             Row{"a = 1\n[a]", "f:2: a is not a table"},
             Row{"a = {}\n[a]", "f:2: a is complete already"},
             Row{"a = []\n[[a]]", "f:2: a is no array of tables"},
             Row{"[[a]]\n[a]", "f:2: a is an array already"},
             Row{"a.b = 1\n[a]", "f:2: table a is there a second time"},
             Row{"[a", "f:1: the heading of a table is not closed"},
             Row{"= 1", "f:1: a key is missing"},
         }) {
        CAPTURE(row.text);
        CHECK(error_of(row.text) == row.error);
    }
    CHECK(error_of("a = " + std::string(1000, '[')) == "f:1: nested too deeply");
}
