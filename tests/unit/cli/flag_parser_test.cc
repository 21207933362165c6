#include "cli/flag_parser.h"

#include <doctest/doctest.h>

#include "base/parse.h"
#include "cli/help.h"
#include "cli/usage_error.h"

using namespace nau::cli;  // NOLINT(google-build-using-namespace): a test

namespace {

struct Options {
    bool is_interactive = false;
    bool has_terminal = false;
    bool is_quiet = false;
    bool verifies = true;
    std::string name;
    std::optional<int64_t> number;
    std::optional<double> cpus;
    std::optional<std::chrono::seconds> timeout;
    std::vector<std::string> env;
    std::string pull = "missing";
    std::string image;
    std::vector<std::string> command;
};

constexpr RefusedFlag kRefused[] = {{"-p,--publish", "ports come later"}, {"--gpus", ""}};

struct Line {
    Options options;
    FlagSet flags{"nau run"};

    Line() {
        flags.toggle("-i,--interactive", "Keep input", options.is_interactive);
        flags.toggle("-t,--tty", "Terminal", options.has_terminal);
        flags.toggle("-q,--quiet", "Quiet", options.is_quiet);
        flags.toggle("--tls-verify", "Verify", options.verifies);
        flags.value("--name", "NAME", "Name", options.name);
        flags.value("-n,--number", "N", "Number", options.number);
        flags.value("--cpus", "N", "Processors", options.cpus);
        flags.value("--time", "SECONDS", "Time", options.timeout);
        flags.list("-e,--env", "VAR", "Variable", options.env);
        flags.value("--pull", "POLICY", "Pull", options.pull).one_of({"missing", "never"});
        flags.refuse(kRefused);
        flags.argument("IMAGE", options.image);
        flags.arguments("COMMAND", options.command).optional();
        flags.stop_at_first_argument();
    }

    ParseOutcome parse(std::vector<const char*> words) { return nau::cli::parse(flags, words); }
};

std::string error_of(std::vector<const char*> words) {
    Line line;
    try {
        line.parse(std::move(words));
    } catch (const UsageError& error) {
        CHECK(error.command() == "nau run");
        return error.text();
    }
    return "none";
}

}  // namespace

TEST_CASE("flags take podman's and docker's forms") {
    Line line;
    CHECK(line.parse({"-it",    "--name=web", "-e",  "A=1",       "-eB=2",
                      "-e=C=3", "--env",      "-x",  "--env=",    "-n",
                      "-1",     "--cpus",     "1.5", "--time=10", "--tls-verify=false",
                      "alpine", "ls",         "-l",  "--",        "--name"}) == ParseOutcome::run);
    CHECK(line.options.is_interactive);
    CHECK(line.options.has_terminal);
    CHECK(line.options.name == "web");
    CHECK(line.options.env == std::vector<std::string>{"A=1", "B=2", "C=3", "-x", ""});
    CHECK(line.options.number == -1);
    CHECK(line.options.cpus == 1.5);
    CHECK(line.options.timeout == std::chrono::seconds(10));
    CHECK_FALSE(line.options.verifies);
    CHECK(line.options.image == "alpine");
    CHECK(line.options.command == std::vector<std::string>{"ls", "-l", "--", "--name"});
}

TEST_CASE("a group of short flags may end in one with a value") {
    Line line;
    line.parse({"-iqn5", "alpine"});
    CHECK(line.options.is_interactive);
    CHECK(line.options.is_quiet);
    CHECK(line.options.number == 5);
    Line other;
    other.parse({"-it=false", "alpine"});
    CHECK(other.options.is_interactive);
    CHECK_FALSE(other.options.has_terminal);
}

TEST_CASE("words behind -- are arguments") {
    Line line;
    line.parse({"-i", "--", "-t", "x"});
    CHECK(line.options.image == "-t");
    CHECK_FALSE(line.options.has_terminal);
    Line dash;
    dash.parse({"-", "x"});
    CHECK(dash.options.image == "-");
}

TEST_CASE("help is found wherever flags may stand") {
    CHECK(Line().parse({"--help"}) == ParseOutcome::help);
    CHECK(Line().parse({"-i", "-h", "--nonsense"}) == ParseOutcome::help);
    Line line;
    CHECK(line.parse({"alpine", "--help"}) == ParseOutcome::run);
}

TEST_CASE("mistakes name the wrong word") {
    CHECK(error_of({}) == "'nau run' needs the argument IMAGE");
    CHECK(error_of({"--nmae", "x"}) == "unknown flag '--nmae', did you mean '--name'?");
    CHECK(error_of({"--nmae=x"}) == "unknown flag '--nmae', did you mean '--name'?");
    CHECK(error_of({"--zzzzzz"}) == "unknown flag '--zzzzzz'");
    CHECK(error_of({"-iz"}) == "unknown flag '-z'");
    CHECK(error_of({"--name"}) == "--name needs a value (NAME)");
    CHECK(error_of({"-ie"}) == "-ie needs a value (VAR)");
    CHECK(error_of({"-n", "x"}) ==
          "invalid value 'x' for --number: is not a whole number in range");
    CHECK(error_of({"--cpus=many"}) == "invalid value 'many' for --cpus: is not a decimal number");
    CHECK(error_of({"--tty=maybe"}) ==
          "invalid value 'maybe' for --tty: is neither true nor false");
    CHECK(error_of({"--pull", "x"}) ==
          "invalid value 'x' for --pull: must be one of missing, never");
    CHECK(error_of({"-p", "80:80"}) == "-p is not supported by nau yet: ports come later");
    CHECK(error_of({"--publish=80"}) == "--publish is not supported by nau yet: ports come later");
    CHECK(error_of({"--gpus", "all"}) == "--gpus is not supported by nau yet");
}

TEST_CASE("arguments may be too many or too few") {
    std::vector<std::string> names;
    FlagSet flags("nau rm");
    flags.arguments("CONTAINER", names);
    CHECK_THROWS_WITH_AS(parse(flags, {}), "'nau rm' needs at least one CONTAINER", UsageError);
    std::string name;
    FlagSet one("nau logs");
    one.argument("CONTAINER", name);
    const char* words[] = {"a", "b"};
    CHECK_THROWS_WITH_AS(parse(one, words), "'nau logs' takes no further argument 'b'", UsageError);
}

TEST_CASE("the prefix ends at the first argument") {
    std::string root;
    FlagSet flags("nau");
    flags.value("--root", "DIR", "Root", root);
    const char* words[] = {"--root", "/x", "run", "--root", "/y"};
    const auto prefix = parse_prefix(flags, words);
    CHECK(prefix.words_used == 2);
    CHECK(root == "/x");
}

TEST_CASE("usage lines come from the arguments") {
    Line line;
    CHECK(usage_of(line.flags) == " [OPTIONS] IMAGE [COMMAND...]");
    FlagSet none("nau x");
    CHECK(usage_of(none).empty());
}
