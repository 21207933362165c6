#include "sys/prctl.h"

#include <cerrno>
#include <sys/prctl.h>

#include "base/error.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

void set(const char* what, int option, long value) {
    const int result = raw::prctl(option, value);
    if (result < 0) {
        throw SysError(-result, "prctl {}", what);
    }
}

}  // namespace

void set_dumpable(bool on) {
    set("dumpable", PR_SET_DUMPABLE, on ? 1 : 0);
}

void set_parent_death_signal(int signal) {
    set("parent death signal", PR_SET_PDEATHSIG, signal);
}

void set_no_new_privs() {
    set("no_new_privs", PR_SET_NO_NEW_PRIVS, 1);
}

void set_child_subreaper(bool on) {
    set("child subreaper", PR_SET_CHILD_SUBREAPER, on ? 1 : 0);
}

void set_process_name(const std::string& name) {
    set("name", PR_SET_NAME, raw::arg(name.c_str()));
}

void set_keep_capabilities(bool on) {
    set("keep capabilities", PR_SET_KEEPCAPS, on ? 1 : 0);
}

}  // namespace nau::sys
