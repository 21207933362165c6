#include "sys/namespace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using sys::NamespaceKind;

TEST_CASE("every kind opens, by thread, pid and path, and is the same namespace") {
    for (const auto kind : sys::kAllNamespaceKinds) {
        CAPTURE(sys::proc_name(kind));
        const std::string path = fmt::format("/proc/self/ns/{}", sys::proc_name(kind));
        if (!sys::file_exists(path)) {
            continue;  // a kernel without it
        }
        const auto own = sys::open_own_namespace(kind);
        const auto by_pid = sys::open_namespace_of(::getpid(), kind);
        const auto by_path = sys::open_namespace(path, kind);
        CHECK(sys::namespace_id(own.get()) == sys::namespace_id(by_pid.get()));
        CHECK(sys::namespace_id(own.get()) == sys::namespace_id(by_path.get()));
    }
}

TEST_CASE("what is no namespace, or another kind, is refused") {
    const test::TempDir dir;
    dir.write("f", "");
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    for (const std::string& path : {dir / "f", dir / "fifo", std::string("/proc/self/ns/uts")}) {
        try {
            (void)sys::open_namespace(path, NamespaceKind::network);
            FAIL("opened");
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::invalid);
        }
    }
}
