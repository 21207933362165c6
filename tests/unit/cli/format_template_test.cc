#include "cli/format_template.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

using nau::Error;
using nau::cli::FormatTemplate;
using nlohmann::json;

namespace {

json sample() {
    return json::parse(R"({
        "ID": "4f5e6d", "Names": "web", "Running": true, "Pid": 42, "Size": 1.5, "Empty": "",
        "Nothing": null, "Command": ["ls", "-l", "/"], "None": [],
        "Labels": {"a": "1", "b.c": "2"},
        "State": {"Status": "running", "ExitCode": 0},
        "Mounts": [{"Source": "/a", "RW": true}, {"Source": "/b", "RW": false}]
    })");
}

std::string render(std::string_view text) {
    return FormatTemplate::parse(text).render(sample());
}

}  // namespace

TEST_CASE("templates give what Go's would") {
    struct Row {
        const char* text;
        const char* expected;
    };
    for (const Row& row : {
             Row{"", ""},
             Row{"plain", "plain"},
             Row{"{{.ID}}", "4f5e6d"},
             Row{"{{ .ID }}-{{.Names}}", "4f5e6d-web"},
             Row{R"({{.ID}}\t{{.Names}}\n)", "4f5e6d\tweb\n"},
             Row{"{{.Id}}", "4f5e6d"},
             Row{"{{.State.Status}}", "running"},
             Row{"{{.Pid}} {{.Size}} {{.Running}}", "42 1.5 true"},
             Row{"{{.Command}}", "[ls -l /]"},
             Row{"{{.Labels}}", "map[a:1 b.c:2]"},
             Row{"{{.Nothing}}", "<no value>"},
             Row{"{{.Labels.zz}}", "<no value>"},
             Row{"{{.Labels.a}}", "1"},
             Row{"{{index .Labels \"b.c\"}}", "2"},
             Row{"{{index .Labels \"zz\"}}", ""},
             Row{"{{.Label \"b.c\"}}", "2"},
             Row{"{{index .Command 1}}", "-l"},
             Row{"{{(index .Mounts 1).Source}}", "/b"},
             Row{"{{json .Command}}", R"(["ls","-l","/"])"},
             Row{"{{.Command | json}}", R"(["ls","-l","/"])"},
             Row{"{{json .State}}", R"({"ExitCode":0,"Status":"running"})"},
             Row{"{{json .Nothing}}", "null"},
             Row{"{{join .Command \" \"}}", "ls -l /"},
             Row{"{{.Command | join \",\" | upper}}", "LS,-L,/"},
             Row{"{{split \"a:b\" \":\"}}", "[a b]"},
             Row{"{{upper .Names}} {{title \"a bc\"}} {{lower \"AbC\"}}", "WEB A Bc abc"},
             Row{"{{len .Command}} {{len .Names}} {{len .Labels}}", "3 3 2"},
             Row{"{{slice .ID 1 3}} {{slice .Command 1}}", "f5 [-l /]"},
             Row{"{{truncate .ID 3}}|{{pad .ID 1 2}}|", "4f5| 4f5e6d  |"},
             Row{"{{if .Running}}up{{else}}down{{end}}", "up"},
             Row{"{{if .Empty}}a{{else if eq .Pid 42}}b{{else}}c{{end}}", "b"},
             Row{"{{if not .None}}none{{end}}", "none"},
             Row{"{{if and .Running (gt .Pid 40)}}y{{end}}", "y"},
             Row{"{{if or .Empty .None \"x\"}}y{{end}}", "y"},
             Row{"{{and 1 0 (index .None 5)}}", "0"},
             Row{"{{eq .Names \"x\" \"web\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{ge 1 2}}",
                 "true true true true false"},
             Row{"{{range .Command}}<{{.}}>{{end}}", "<ls><-l></>"},
             Row{"{{range .None}}x{{else}}none{{end}}", "none"},
             Row{"{{range $i, $m := .Mounts}}{{if $i}}, {{end}}{{$m.Source}}{{end}}", "/a, /b"},
             Row{"{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b.c=2;"},
             Row{"{{range .Mounts}}{{$.ID}}:{{.Source}} {{end}}", "4f5e6d:/a 4f5e6d:/b "},
             Row{"{{range .Command}}{{if eq . \"-l\"}}{{break}}{{end}}{{.}}{{end}}", "ls"},
             Row{"{{range .Command}}{{if eq . \"-l\"}}{{continue}}{{end}}{{.}}{{end}}", "ls/"},
             Row{"{{with .State}}{{.Status}}{{end}}", "running"},
             Row{"{{with .Empty}}a{{else}}b{{end}}", "b"},
             Row{"{{$x := .Names}}{{$x}}{{$x = \"y\"}}{{$x}}", "weby"},
             Row{"{{if true}}{{$x := 1}}{{$x}}{{end}}", "1"},
             Row{"a  {{- .Names -}}  b", "awebb"},
             Row{"a {{/* no */}} b", "a  b"},
             Row{"a {{- /* no */ -}} b", "ab"},
             Row{R"({{"a\tb\"\u00e9\x41"}})", "a\tb\"éA"},
             Row{"{{`a\\tb`}}", "a\\tb"},
             Row{"{{print 1 2 \"a\" \"b\"}}", "1 2ab"},
             Row{"{{println .Names 1}}", "web 1\n"},
             Row{"{{html \"<a&b>\"}} {{urlquery \"a b/ü\"}}", "&lt;a&amp;b&gt; a+b%2F%C3%BC"},
             Row{"{{-1}} {{+2}} {{1.5}}", "-1 2 1.5"},
             Row{"{{(.Pid)}} {{((.ID))}}", "42 4f5e6d"},
             Row{"{{nil | json}}", "null"},
         }) {
        CAPTURE(row.text);
        CHECK(render(row.text) == row.expected);
    }
}

TEST_CASE("printf knows Go's verbs") {
    struct Row {
        const char* text;
        const char* expected;
    };
    for (const Row& row : {
             Row{"{{printf \"%s-%d-%v\" .Names .Pid .Running}}", "web-42-true"},
             Row{"{{printf \"%5d|%-5d|%05d|%+d\" 42 42 42 42}}", "   42|42   |00042|+42"},
             Row{"{{printf \"%x %X %#x %o %b\" 255 255 255 8 5}}", "ff FF 0xff 10 101"},
             Row{"{{printf \"%.2s|%6s|%-6s|%q\" .ID \"é\" .Names .Names}}",
                 "4f|     é|web   |\"web\""},
             Row{"{{printf \"%.2f %g %e\" .Size .Size .Size}}", "1.50 1.5 1.500000e+00"},
             Row{"{{printf \"%t%%\" true}}", "true%"},
             Row{"{{printf \"%d\" .Names}}", "%!d(string=web)"},
             Row{"{{printf \"%d %d\" 1}}", "1 %!d(MISSING)"},
             Row{"{{printf \"a\" 1 \"b\"}}", "a%!(EXTRA int=1, string=b)"},
             Row{"{{printf \"%\"}}", "%!(NOVERB)"},
             Row{"{{.Names | printf \"%s!\"}}", "web!"},
             Row{"{{printf \"%05d\" -42}}", "-0042"},
         }) {
        CAPTURE(row.text);
        CHECK(render(row.text) == row.expected);
    }
}

TEST_CASE("mistakes in templates are told with their place") {
    struct Row {
        const char* text;
        const char* message;
    };
    for (const Row& row : {
             Row{"{{.ID", "template: line 1, column 1: '{{' is not closed by '}}'"},
             Row{"a\n {{.ID | }}", "template: line 2, column 10: a value is missing"},
             Row{"{{nope .ID}}", "template: line 1, column 3: function 'nope' is not known"},
             Row{"{{if .ID}}", "template: line 1, column 11: a block is not closed by '{{end}}'"},
             Row{"{{end}}", "template: line 1, column 1: '{{end}}' without a beginning"},
             Row{"{{define \"x\"}}{{end}}",
                 "template: line 1, column 3: 'define' is not supported"},
             Row{"{{break}}", "template: line 1, column 3: 'break' outside of range"},
             Row{"{{\"a}}", "template: line 1, column 3: a string is not closed"},
             Row{"{{.ID | 1}}",
                 "template: line 1, column 10: what stands behind '|' is no function"},
             Row{"{{/* x}}", "template: line 1, column 3: a comment is not closed"},
             Row{"{{1x}}", "template: line 1, column 3: a number is malformed"},
             Row{"{{99999999999999999999}}", "template: line 1, column 3: a number is too large"},
             Row{"{{(.ID}}", "template: line 1, column 7: ')' is missing"},
             Row{"{{}}", "template: line 1, column 3: a value is missing"},
             Row{"{{.ID ?}}", "template: line 1, column 7: unexpected character"},
         }) {
        CAPTURE(row.text);
        CHECK_THROWS_WITH_AS(FormatTemplate::parse(row.text), row.message, Error);
    }
}

TEST_CASE("mistakes that show with the data are told") {
    struct Row {
        const char* text;
        const char* message;
    };
    for (const Row& row : {
             Row{"{{.Nmaes}}", "template: no field '.Nmaes', did you mean '.Names'?"},
             Row{"{{.State.Zzzzzz}}", "template: no field '.Zzzzzz'"},
             Row{"{{.ID.X}}", "template: '4f5e6d' has no field 'X'"},
             Row{"{{index .Command 7}}", "template: index: index 7 is out of range"},
             Row{"{{index .Command \"a\"}}", "template: index: 'a' is not an integer"},
             Row{"{{eq .ID 1}}", "template: eq: '4f5e6d' and '1' cannot be compared"},
             Row{"{{range .ID}}{{end}}", "template: range cannot go over '4f5e6d'"},
             Row{"{{len .Pid}}", "template: len: '42' has no length"},
             Row{"{{$x}}", "template: variable '$x' is not known"},
             Row{"{{upper}}", "template: upper: takes 1 argument, not 0"},
             Row{"{{slice .ID 5 2}}", "template: slice: begins behind its end"},
             Row{"{{printf \"%2000d\" 1}}", "template: printf: a width is larger than 1000"},
         }) {
        CAPTURE(row.text);
        CHECK_THROWS_WITH_AS(render(row.text), row.message, Error);
    }
}

TEST_CASE("a template that would never end is stopped") {
    std::string nested;
    for (int i = 0; i < 40; ++i) {
        nested += "{{range $.Command}}";
    }
    for (int i = 0; i < 40; ++i) {
        nested += "{{end}}";
    }
    CHECK_THROWS_WITH_AS(render(nested), "template: does too much", Error);
    std::string deep;
    for (int i = 0; i < 5000; ++i) {
        deep += "{{if true}}";
    }
    CHECK_THROWS_AS(FormatTemplate::parse(deep), Error);
    deep.clear();
    for (int i = 0; i < 5000; ++i) {
        deep += "{{if true}}{{else ";
    }
    CHECK_THROWS_AS(FormatTemplate::parse(deep), Error);
    deep = "{{";
    for (int i = 0; i < 5000; ++i) {
        deep += "(";
    }
    CHECK_THROWS_AS(FormatTemplate::parse(deep), Error);
}

TEST_CASE("headings take the place of fields") {
    const json headings = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}};
    const auto render_headings = [&](std::string_view text) {
        return FormatTemplate::parse(text).render_headings(headings);
    };
    CHECK(render_headings("{{.ID}}\t{{.Names}}") == "CONTAINER ID\tNAMES");
    CHECK(render_headings("{{.RunningFor}}") == "RUNNINGFOR");
    CHECK(render_headings("{{printf \"%.3s\" .ID}}") == "CONTAINER ID");
    CHECK(render_headings("{{.Names | lower}}") == "NAMES");
    CHECK(render_headings("{{.State.Status}}") == "STATUS");
    CHECK(render_headings("{{.Label \"com.x\"}}") == "COM.X");
    CHECK(render_headings("{{if .ID}}{{.ID}}{{end}}") == "CONTAINER ID");
    CHECK(render_headings("{{range .Mounts}}{{.Source}}{{end}}") == "SOURCE");
}

TEST_CASE("a template can ask for the whole list") {
    CHECK(FormatTemplate::parse("{{range .}}{{.ID}}{{end}}").ranges_over_dot());
    CHECK(FormatTemplate::parse(" {{range $x := .}}{{end}}").ranges_over_dot());
    CHECK_FALSE(FormatTemplate::parse("{{range .Mounts}}{{end}}").ranges_over_dot());
    CHECK_FALSE(FormatTemplate::parse("{{.ID}}").ranges_over_dot());
    CHECK_FALSE(FormatTemplate::parse("").ranges_over_dot());
}
