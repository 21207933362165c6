// The test is also the monitor that it tests: MonitorClient::spawn() starts it again as `nau
// monitor`.

#define DOCTEST_CONFIG_IMPLEMENT
#include "monitor/main.h"

#include <cstdio>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/unit/monitor/process_launcher.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "monitor") {
        nau::test::ProcessLauncher launcher;
        return nau::monitor::run_monitor(launcher);
    }
    if (argc > 1 && std::string_view(argv[1]) == "cleanup") {
        // What the monitor spawns at the end: leaves a trace.
        std::FILE* const trace = argc == 3 ? std::fopen(argv[2], "w") : nullptr;
        return trace != nullptr && std::fclose(trace) == 0 ? 0 : 1;
    }
    return doctest::Context(argc, argv).run();
}
