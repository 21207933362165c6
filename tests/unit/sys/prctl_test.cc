#include "sys/prctl.h"

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/raw.h"

using namespace nau;

namespace {

int check_in_child() {
    using namespace sys;
    set_dumpable(false);
    if (::prctl(PR_GET_DUMPABLE) != 0) {
        return 1;
    }
    set_no_new_privs();
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        return 2;
    }
    set_child_subreaper(true);
    int value = 0;
    (void)::prctl(PR_GET_CHILD_SUBREAPER, &value);
    if (value != 1) {
        return 3;
    }
    set_parent_death_signal(SIGTERM);
    (void)::prctl(PR_GET_PDEATHSIG, &value);
    if (value != SIGTERM) {
        return 4;
    }
    set_keep_capabilities(true);
    if (::prctl(PR_GET_KEEPCAPS) != 1) {
        return 5;
    }
    set_process_name("nau-test");
    return read_file("/proc/thread-self/comm", 100) == "nau-test\n" ? 0 : 6;
}

}  // namespace

TEST_CASE("attributes of the process are what was set") {
    const pid_t child = ::fork();
    if (child == 0) {
        sys::raw::exit(check_in_child());
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    try {
        sys::set_parent_death_signal(1000);
        FAIL("no such signal");
    } catch (const SysError& error) {
        CHECK(error.text() == "prctl parent death signal: Invalid argument");
    }
}
