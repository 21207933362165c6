// What people and programs read: errors, statuses, lists, the progress of a pull.

#include "cli/output.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "cli/error_report.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/listing.h"
#include "cli/pull_display.h"
#include "cli/usage_error.h"
#include "engine/container/run_container.h"
#include "sys/file.h"
#include "sys/pipe.h"

using namespace nau::cli;  // NOLINT(google-build-using-namespace): a test
using nau::Error;
using nau::ErrorKind;
using nau::engine::LayerStage;

namespace {

/// What `action` writes into a pipe.
template <typename Action>
std::string written_by(Action action) {
    auto pipe = nau::sys::pipe2();
    action(pipe.write.get());
    pipe.write.reset();
    return nau::sys::read_fd(pipe.read.get(), 1 << 20);
}

std::string list_text(std::string_view format, bool has_headings = true) {
    const nlohmann::json rows = {{{"ID", "1"}, {"Names", "a"}}, {{"ID", "2"}, {"Names", "b"}}};
    const nlohmann::json headings = {{"ID", "CONTAINER ID"}};
    return written_by([&](int fd) {
        Output out(fd);
        print_custom_list(out, format, headings, rows, has_headings);
        out.flush();
    });
}

}  // namespace

TEST_CASE("an error is one line, a hint another") {
    CHECK(error_lines(Error(ErrorKind::invalid, "a\nb\x1b[0m")) == "Error: a\\nb\\x1b[0m\n");
    CHECK(error_lines(Error(ErrorKind::invalid, "a").with_hint("do b")) ==
          "Error: a\nHint: do b\n");
    CHECK(error_lines(UsageError("nau run", "wrong word 'x'")) ==
          "Error: wrong word 'x'\nSee 'nau run --help'\n");
}

TEST_CASE("statuses are decided as the manual says") {
    CHECK(exit_code_of(Error(ErrorKind::not_found, "x")) == 125);
    CHECK(exit_code_of(Error(ErrorKind::interrupted, "x")) == 130);
    CHECK(exit_code_of_removal(Error(ErrorKind::not_found, "x")) == 1);
    CHECK(exit_code_of_removal(Error(ErrorKind::in_use, "x")) == 2);
    CHECK(exit_code_of_removal(Error(ErrorKind::corrupt, "x")) == 125);
    CHECK(exit_code_of(nau::engine::ExitStatus{.code = 7}) == 7);
    CHECK(exit_code_of(nau::engine::ExitStatus{}) == 125);
    CHECK(exit_code_of(nau::engine::ExitStatus{.was_detached = true}) == 0);
}

TEST_CASE("a full disk is an error, a reader that went away is not") {
    const nau::sys::UniqueFd full = nau::sys::open("/dev/full", O_WRONLY);
    Output out(full.get());
    out.write("x");
    CHECK_THROWS_WITH_AS(
        out.flush(), "write standard output: No space left on device", nau::SysError);
    (void)::signal(SIGPIPE, SIG_IGN);
    auto pipe = nau::sys::pipe2();
    pipe.read.reset();
    Output closed(pipe.write.get());
    closed.write("x");
    CHECK_THROWS_AS(closed.flush(), OutputClosed);
    (void)::signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("--format of a list is json, columns or a template") {
    CHECK(list_format_of("") == ListFormat::columns);
    CHECK(list_format_of("table") == ListFormat::columns);
    CHECK(list_format_of(" json ") == ListFormat::json);
    CHECK(list_format_of("{{.ID}}") == ListFormat::custom);
    CHECK(list_text("{{.ID}}-{{.Names}}") == "1-a\n2-b\n");
    CHECK(list_text("{{range .}}{{.ID}};{{end}}") == "1;2;");
    CHECK(list_text(R"(table {{.ID}}\t{{.Names}})") ==
          "CONTAINER ID  NAMES\n1             a\n2             b\n");
    CHECK(list_text(R"(table {{.ID}}\t{{.Names}})", false) == "1           a\n2           b\n");
}

TEST_CASE("an object is outlined for people") {
    CHECK(outline({{"a", 1}, {"b", {{"c", "x\ny"}, {"d", nullptr}}}, {"e", {"p", "q"}}}) ==
          "a: 1\nb:\n  c: x\\ny\n  d:\ne:\n  - p\n  - q\n");
}

TEST_CASE("a layer's line fits the terminal") {
    const LayerProgress layer = {.id = "0123456789ab",
                                 .stage = LayerStage::downloading,
                                 .done_bytes = 500'000,
                                 .total_bytes = 1'000'000};
    CHECK(layer_line(layer, 100) ==
          "0123456789ab downloading   [===============>              ] 500 kB / 1 MB");
    for (size_t columns = 1; columns < 80; ++columns) {
        CHECK(layer_line(layer, columns).size() <= columns + 2);  // the mark of the cut has 3 bytes
    }
    LayerProgress odd = layer;
    odd.done_bytes = 2'000'000;  // more than was announced
    CHECK(layer_line(odd, 100).find("[==============================]") != std::string::npos);
    odd.total_bytes = 0;
    CHECK(layer_line(odd, 100).find("[>") != std::string::npos);
    CHECK(layer_line({.id = "0123456789ab"}, 100) == "0123456789ab waiting");
}

TEST_CASE("lines that a narrower terminal has broken are counted") {
    CHECK(physical_lines({}, 80) == 0);
    CHECK(physical_lines({10, 80, 81, 0}, 80) == 5);
}

TEST_CASE("away from a terminal nothing is said until something is fetched") {
    const auto pull = [](bool fetches) {
        return written_by([&](int fd) {
            PullDisplay display(fd, PullDisplay::Style::lines);
            display.begin();
            display.message("Trying x...");
            if (fetches) {
                display.layer("0123456789ab", LayerStage::downloading, 1, 2);
                display.layer("0123456789ab", LayerStage::done, 2'000, 2'000);
                display.layer("0123456789ab", LayerStage::done, 2'000, 2'000);
            }
            display.end();
        });
    };
    CHECK(pull(false).empty());
    CHECK(pull(true) == "Trying x...\n0123456789ab done (2 kB)\n");
}

TEST_CASE("a quiet pull says nothing") {
    CHECK(written_by([](int fd) {
              PullDisplay display(fd, PullDisplay::Style::quiet);
              display.begin();
              display.message("Trying x...");
              display.layer("0123456789ab", LayerStage::done, 1, 1);
              display.end();
          }).empty());
}

TEST_CASE("the first interrupt stops the pull and nothing else") {
    PullDisplay display(STDERR_FILENO, PullDisplay::Style::quiet);
    display.begin();
    CHECK_FALSE(display.stop_token().stop_requested());
    REQUIRE(::kill(::getpid(), SIGTERM) == 0);
    while (!display.stop_token().stop_requested()) {
        std::this_thread::yield();
    }
    display.end();
    CHECK(last_interrupt() == SIGTERM);
    CHECK(exit_code_of(Error(ErrorKind::interrupted, "x")) == 143);
}
