#include "sys/process.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/raw.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using namespace std::chrono_literals;
using nau::test::TempDir;
using sys::Child;
using sys::ExitStatus;
using sys::SpawnOptions;

namespace {

SpawnOptions shell(const std::string& script) {
    SpawnOptions options;
    options.path = "/bin/sh";
    options.argv = {"sh", "-c", script};
    return options;
}

ExitStatus run(const SpawnOptions& options) {
    return sys::spawn(options).wait();
}

/// What the program writes to its standard output.
std::string output_of(SpawnOptions options) {
    auto pipe = sys::pipe2();
    options.stdout_fd = pipe.write.get();
    Child child = sys::spawn(options);
    pipe.write.reset();
    std::string output = sys::read_fd(pipe.read.get(), 1 << 20);
    CHECK(child.wait().is_success());
    return output;
}

int open_descriptors() {
    return static_cast<int>(sys::list_directory("/proc/self/fd").size());
}

}  // namespace

TEST_CASE("the exit status is the code or the signal") {
    CHECK(run(shell("exit 0")) == ExitStatus{});
    CHECK(run(shell("exit 42")) == ExitStatus{.code = 42});
    CHECK(run(shell("kill -TERM $$")) == ExitStatus{.signal = SIGTERM});
    CHECK(ExitStatus{.code = 3}.shell_code() == 3);
    CHECK(ExitStatus{.signal = SIGKILL}.shell_code() == 137);
    CHECK_FALSE(ExitStatus{.signal = SIGKILL}.is_success());
}

TEST_CASE("a program that cannot be executed is reported by spawn, with its errno") {
    const TempDir dir;
    dir.write("plain", "no program");
    const int before = open_descriptors();
    const auto error_of = [](const std::string& path) {
        SpawnOptions options;
        options.path = path;
        options.argv = {"x"};
        try {
            (void)sys::spawn(options);
        } catch (const SysError& error) {
            return error.text();
        }
        return std::string();
    };
    CHECK(error_of(dir / "none") ==
          fmt::format("execute {}: No such file or directory", dir / "none"));
    CHECK(error_of(dir / "plain") == fmt::format("execute {}: Permission denied", dir / "plain"));
    sys::chmod(dir / "plain", 0755);
    CHECK(error_of(dir / "plain") == fmt::format("execute {}: Exec format error", dir / "plain"));
    CHECK(open_descriptors() == before);
    siginfo_t info{};
    CHECK(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == -1);  // no zombie is left
}

TEST_CASE("arguments and environment arrive as given") {
    SpawnOptions options = shell("printf '%s|' \"$@\"; printf %s \"$A\"; exec env");
    options.argv = {"sh", "-c", "printf '%s|' \"$@\"; printf %s \"$A\"", "0", "a b", "", "ü"};
    options.env = std::vector<std::string>{"A=value"};
    CHECK(output_of(options) == "a b||ü|value");

    SpawnOptions empty;
    empty.path = "/usr/bin/env";
    empty.argv = {"env"};
    empty.env = std::vector<std::string>{};
    CHECK(output_of(empty).empty());
}

TEST_CASE("descriptors are passed to their numbers, crosswise too, and nothing else") {
    const TempDir dir;
    for (const char* name : {"a", "b", "c"}) {
        dir.write(name, name);
    }
    const auto a = sys::open(dir / "a", O_RDONLY);
    const auto b = sys::open(dir / "b", O_RDONLY);
    const auto c = sys::open(dir / "c", O_RDONLY);
    sys::UniqueFd leak(::dup(c.get()));  // NOLINT(android-cloexec-dup): what must not leak
    SpawnOptions options = shell(fmt::format("cat <&{} ; cat <&{} ; cat <&9", a.get(), b.get()));
    options.fds = {{.source = b.get(), .target = a.get()},  // swapped
                   {.source = a.get(), .target = b.get()},
                   {.source = c.get(), .target = 9}};
    if (a.get() == 9 || b.get() == 9) {
        return;
    }
    CHECK(output_of(options) == "bac");

    // The glob is expanded by a shell, which has a descriptor of its own open meanwhile: ask ls.
    SpawnOptions list;
    list.path = "/bin/ls";
    list.argv = {"ls", "/proc/self/fd"};
    list.stdin_fd = SpawnOptions::kNull;
    list.fds = {{.source = c.get(), .target = 7}};
    CHECK(output_of(list) == "0\n1\n2\n3\n7\n");  // 3 is the directory that ls reads
}

TEST_CASE("a descriptor may keep its number") {
    const TempDir dir;
    dir.write("a", "text");
    const auto a = sys::open(dir / "a", O_RDONLY);
    SpawnOptions options = shell(fmt::format("cat <&{}", a.get()));
    options.fds = {{.source = a.get(), .target = a.get()}};
    CHECK(output_of(options) == "text");
    CHECK((::fcntl(a.get(), F_GETFD) & FD_CLOEXEC) != 0);  // here it has not changed
}

TEST_CASE("standard output and error may be the same, exchanged, or nothing") {
    const TempDir dir;
    const auto file = sys::open(dir / "out", O_RDWR | O_CREAT | O_APPEND, 0600);
    SpawnOptions options = shell("echo out; echo err >&2; read x && echo never; true");
    options.stdin_fd = SpawnOptions::kNull;
    options.stdout_fd = file.get();
    options.stderr_fd = file.get();
    CHECK(run(options).is_success());
    CHECK(dir.read("out") == "out\nerr\n");
}

TEST_CASE("a program may be executed by descriptor") {
    const auto program = sys::open("/bin/sh", O_PATH);
    SpawnOptions options = shell("echo by descriptor");
    options.path.clear();
    options.executable_fd = program.get();
    CHECK(output_of(options) == "by descriptor\n");
    // Its number is wanted for something else.
    const auto null = sys::open("/dev/null", O_RDONLY);
    options.fds = {{.source = null.get(), .target = program.get()}};
    CHECK(output_of(options) == "by descriptor\n");
}

TEST_CASE("working directory, session and process group") {
    const TempDir dir;
    SpawnOptions options = shell("pwd; echo $$; cat /proc/self/stat");
    options.cwd = dir.path();
    options.new_session = true;
    const std::string output = output_of(options);
    const auto lines = split(output, '\n');
    CHECK(lines[0] == dir.path());
    const std::string pid(lines[1]);
    const auto fields = split(lines[2].substr(lines[2].rfind(')') + 2), ' ');
    CHECK(fields[2] == pid);  // process group
    CHECK(fields[3] == pid);  // session

    SpawnOptions grouped = shell("echo $$; cat /proc/self/stat");
    grouped.process_group = 0;
    const std::string text = output_of(grouped);
    const auto parts = split(text, '\n');
    const auto stat = split(parts[1].substr(parts[1].rfind(')') + 2), ' ');
    CHECK(stat[2] == parts[0]);
    CHECK(stat[3] == std::to_string(::getsid(0)));

    SpawnOptions lost = shell("true");
    lost.cwd = dir / "none";
    try {
        (void)sys::spawn(lost);
        FAIL("started");
    } catch (const SysError& error) {
        CHECK(error.text() == "change directory for /bin/sh: No such file or directory");
    }
}

TEST_CASE("signals are reset in the child, or inherited") {
    const auto saved = ::signal(SIGUSR1, SIG_IGN);
    sigset_t block;
    sigset_t before;
    ::sigemptyset(&block);
    ::sigaddset(&block, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &block, &before);
    SpawnOptions options;
    options.path = "/bin/cat";
    options.argv = {"cat", "/proc/self/status"};
    const auto field = [](const std::string& status, std::string_view name) {
        const auto at = status.find(name);
        return status.substr(at + name.size() + 1, 16);
    };
    const std::string reset = output_of(options);
    CHECK(field(reset, "SigIgn:") == "0000000000000000");
    CHECK(field(reset, "SigBlk:") == "0000000000000000");
    options.reset_signals = false;
    const std::string inherited = output_of(options);
    const auto bit = [](int signal) { return uint64_t{1} << (signal - 1); };
    CHECK((std::stoull(field(inherited, "SigIgn:"), nullptr, 16) & bit(SIGUSR1)) != 0);
    CHECK((std::stoull(field(inherited, "SigBlk:"), nullptr, 16) & bit(SIGUSR2)) != 0);
    // And the caller's own mask is what it was.
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    CHECK(::sigismember(&now, SIGUSR2) == 1);
    CHECK(::sigismember(&now, SIGTERM) == 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::signal(SIGUSR1, saved);
}

TEST_CASE("a child that is forgotten is killed and reaped") {
    pid_t pid = 0;
    {
        const Child child = sys::spawn(shell("exec sleep 1000"));
        pid = child.pid();
        CHECK_FALSE(sys::has_ended(child.pidfd()));
    }
    CHECK(::kill(pid, 0) == -1);
    CHECK(errno == ESRCH);
}

TEST_CASE("a child that is detached lives on") {
    Child child = sys::spawn(shell("exec sleep 1000"));
    const pid_t pid = child.pid();
    const sys::UniqueFd pidfd = child.detach();
    CHECK_FALSE(child.is_owned());
    CHECK_FALSE(sys::has_ended(pidfd.get()));
    CHECK(sys::send_signal(pidfd.get(), SIGKILL));
    const auto status = sys::wait_pidfd(pidfd.get(), -1ms);
    CHECK(status == ExitStatus{.signal = SIGKILL});
    CHECK_FALSE(sys::send_signal(pidfd.get(), SIGKILL));
    CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("waiting for a child has a time limit") {
    auto pipe = sys::pipe2();
    SpawnOptions options = shell("read x; exit 7");
    options.stdin_fd = pipe.read.get();
    Child child = sys::spawn(options);
    CHECK_FALSE(child.wait_within(0ms).has_value());
    CHECK_FALSE(child.wait_within(1ms).has_value());
    CHECK_FALSE(sys::wait_ended(child.pidfd(), 1ms));
    sys::write_all(pipe.write.get(), "go\n");
    CHECK(sys::wait_ended(child.pidfd(), -1ms));
    CHECK(sys::has_ended(child.pidfd()));
    CHECK(child.wait_within(60s) == ExitStatus{.code = 7});
    CHECK_FALSE(child.is_owned());
}

TEST_CASE("assigning a child kills the one before") {
    Child child = sys::spawn(shell("exec sleep 1000"));
    const pid_t first = child.pid();
    child = sys::spawn(shell("exit 5"));
    CHECK(::kill(first, 0) == -1);
    CHECK(child.wait() == ExitStatus{.code = 5});
}

TEST_CASE("reap_any_child reaps what has ended and only that") {
    CHECK_FALSE(sys::reap_any_child().has_value());
    Child child = sys::spawn(shell("exit 9"));
    const pid_t pid = child.pid();
    const sys::UniqueFd pidfd = child.detach();
    CHECK(sys::wait_ended(pidfd.get(), -1ms));
    const auto reaped = sys::reap_any_child();
    REQUIRE(reaped.has_value());
    CHECK(reaped->pid == pid);
    CHECK(reaped->status == ExitStatus{.code = 9});
}

TEST_CASE("the start time is field 22, whatever the name is") {
    const std::string tail = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21 22\n";
    CHECK(sys::parse_start_time("12 (name)" + tail) == 987654);
    CHECK(sys::parse_start_time("12 (a) b (c) 1 2)" + tail) == 987654);
    CHECK_FALSE(sys::parse_start_time("12 (name) S 1 2").has_value());
    CHECK_FALSE(sys::parse_start_time("").has_value());
    CHECK_FALSE(sys::parse_start_time("12 (name) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x")
                    .has_value());
}

TEST_CASE("find_process finds this very process and no other of its number") {
    const auto own = sys::own_process_id();
    CHECK(own.pid == ::getpid());
    CHECK(sys::find_process(own).has_value());
    CHECK_FALSE(sys::find_process({.pid = own.pid, .start_time = own.start_time + 1}).has_value());
    CHECK_FALSE(sys::find_process({.pid = 0, .start_time = 0}).has_value());
    CHECK_FALSE(sys::find_process({.pid = -1, .start_time = 0}).has_value());
    CHECK_FALSE(sys::find_process({.pid = 0x7ffffff0, .start_time = 1}).has_value());
    CHECK_FALSE(sys::process_start_time(0x7ffffff0).has_value());
}

TEST_CASE("find_process does not find a zombie") {
    const Child child = sys::spawn(shell("exit 0"));
    const auto start_time = sys::process_start_time(child.pid());
    REQUIRE(start_time.has_value());
    CHECK(sys::wait_ended(child.pidfd(), -1ms));
    CHECK_FALSE(sys::find_process({.pid = child.pid(), .start_time = *start_time}).has_value());
}

TEST_CASE("the boot id is a UUID and stays the same") {
    const std::string id = sys::boot_id();
    CHECK(id.size() == 36);
    CHECK(id == sys::boot_id());
}

TEST_CASE("the parent death signal ends the child with its parent") {
    // A middle process spawns a child, tells its pid and ends; the child must follow.
    auto pipe = sys::pipe2();
    const pid_t middle = ::fork();
    if (middle == 0) {
        SpawnOptions options = shell("exec sleep 1000");
        options.parent_death_signal = SIGKILL;
        Child child = sys::spawn(options);
        const pid_t pid = child.pid();
        (void)child.detach();
        (void)!::write(pipe.write.get(), &pid, sizeof pid);
        sys::raw::exit(0);
    }
    pid_t pid = 0;
    sys::read_exactly(pipe.read.get(), reinterpret_cast<char*>(&pid), sizeof pid);
    const int raw_pidfd = sys::raw::pidfd_open(pid);
    if (raw_pidfd >= 0) {  // or it has ended already
        const sys::UniqueFd pidfd(raw_pidfd);
        CHECK(sys::wait_ended(pidfd.get(), 60s));
    }
    CHECK(::waitpid(middle, nullptr, 0) == middle);
}

TEST_CASE("closed standard descriptors are filled in a fresh program") {
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::close(0);
        (void)::close(2);
        sys::ensure_standard_fds();
        const bool in_ok = sys::readlink("/proc/self/fd/0") == "/dev/null";
        const bool err_ok = sys::readlink("/proc/self/fd/2") == "/dev/null";
        const bool inherited = (::fcntl(0, F_GETFD) & FD_CLOEXEC) == 0;
        sys::raw::exit(in_ok && err_ok && inherited ? 0 : 1);
    }
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
