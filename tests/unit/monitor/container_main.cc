// As main.cc, with the real runtime.

#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <string_view>
#include <unistd.h>

#include <doctest/doctest.h>

#include "monitor/main.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "monitor") {
        return nau::monitor::monitor_main(argc, argv);
    }
    if (argc > 1 && std::string_view(argv[1]) == "cleanup") {
        return 0;
    }
    if (::geteuid() != 0 || ::access("/usr/bin/busybox", X_OK) != 0) {
        (void)std::puts("skipped: needs root and /usr/bin/busybox (static)");
        return 77;
    }
    return doctest::Context(argc, argv).run();
}
