// The monitor with the real runtime: containers from the host's static busybox. Needs root.

#include <array>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "oci/runtime_spec.h"
#include "runtime/seccomp.h"
#include "runtime/self_exe.h"
#include "sys/capabilities.h"
#include "tests/unit/monitor/fixture.h"

namespace nau::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using End = AttachResult::End;

oci::RuntimeSpec make_spec(const std::string& script) {
    oci::RuntimeSpec spec;
    auto& process = spec.process.emplace();
    process.args = {"/bin/sh", "-c", script};
    process.env = {"PATH=/bin"};
    process.no_new_privileges = true;
    auto& caps = process.capabilities.emplace();
    caps.bounding = {"CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"};
    caps.effective = caps.permitted = caps.bounding;
    sys::CapabilitySet bounding;
    for (const auto& name : caps.bounding) {
        bounding.add(*sys::parse_capability(name));
    }
    const auto add = [&](const char* type, const char* to, std::vector<std::string> options) {
        spec.mounts.push_back({to, type, type, std::move(options), {}, {}});
    };
    add("proc", "/proc", {"nosuid", "noexec", "nodev"});
    add("tmpfs", "/dev", {"nosuid", "noexec", "mode=755", "size=65536k"});
    add("devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"});
    add("tmpfs", "/dev/shm", {"nosuid", "noexec", "nodev", "mode=1777"});
    for (const char* type : {"mount", "pid", "ipc", "uts", "network", "cgroup"}) {
        spec.linux_.namespaces.push_back({type, ""});
    }
    spec.linux_.masked_paths = {"/proc/kcore", "/proc/keys"};
    spec.linux_.readonly_paths = {"/proc/sys"};
    spec.linux_.resources.emplace().pids_limit = 512;
    spec.linux_.seccomp = runtime::default_seccomp_profile(bounding);
    return spec;
}

struct Container : test::MonitorFixture {
    explicit Container(const std::string& script) : MonitorFixture(""), spec(make_spec(script)) {
        const std::string rootfs = file("rootfs");
        sys::make_directories(rootfs + "/bin", 0755);
        for (const char* name : {"/proc", "/dev", "/sys", "/tmp"}) {
            sys::mkdir(rootfs + name, 0755);
        }
        const sys::UniqueFd from = sys::open("/usr/bin/busybox", O_RDONLY);
        const sys::UniqueFd to = sys::open(rootfs + "/bin/busybox", O_WRONLY | O_CREAT, 0755);
        (void)sys::copy_data(from.get(), to.get(), UINT64_MAX);
        sys::fchmod(to.get(), 0755);
        for (const char* name : {"sh",
                                 "cat",
                                 "echo",
                                 "sleep",
                                 "id",
                                 "tty",
                                 "stty",
                                 "seq",
                                 "ps",
                                 "head",
                                 "wc",
                                 "dd",
                                 "true",
                                 "ls",
                                 "readlink"}) {
            sys::symlink("busybox", rootfs + "/bin/" + name);
        }
        spec.root = oci::spec::Root{rootfs, false};
        cgroup = fmt::format("/nau-monitor-test-{}", ::getpid());
        config.bundle = run_dir();
    }

    void prepare() {
        spec.process->terminal = config.terminal;
        spec.linux_.cgroups_path = cgroup;
        config.spec_text = json::to_text(oci::to_json(spec));
    }
    Seen run(AttachOptions options = {.acknowledge_exit = true}) {
        prepare();
        return run_foreground(std::move(options));
    }
    MonitorClient run_detached() {
        prepare();
        return start();
    }

    /// An exec session's config for this container, without a run directory.
    MonitorConfig exec_config(const std::string& script) {
        MonitorConfig exec;
        exec.id = "e";
        exec.log.driver = LogDriver::none;
        exec.spec_text = config.spec_text;
        exec.cgroup_path = reply.cgroup_path;
        oci::RuntimeSpec alone;
        alone.process = spec.process;
        alone.process->args = {"/bin/sh", "-c", script};
        exec.exec = ExecConfig{.target = reply.init,
                               .process_json = json::to_text(oci::to_json(alone).at("process"))};
        return exec;
    }

    oci::RuntimeSpec spec;
    std::string cgroup;
};

bool cgroup_is_gone(const std::string& path) {
    for (const auto& entry : sys::list_directory("/sys/fs/cgroup")) {
        if (sys::is_directory("/sys/fs/cgroup/" + entry.name + path)) {
            return false;
        }
    }
    return !sys::is_directory("/sys/fs/cgroup" + path);
}

TEST_CASE("a container runs in namespaces of its own and leaves nothing") {
    Container box("echo $$; id -u; exit 3");
    const auto seen = box.run();
    CHECK(seen.out == "1\n0\n");
    CHECK(seen.result.end == End::exited);
    REQUIRE(seen.result.exit);
    CHECK(seen.result.exit->exit_code == 3);
    CHECK(seen.result.exit->cpu_ns.value_or(1) > 0);
    CHECK(seen.result.exit->memory_peak_bytes.value_or(1) > 0);
    CHECK(cgroup_is_gone(box.cgroup));
    CHECK(box.log_text() == seen.out);
}

TEST_CASE("a command that does not exist or cannot be invoked") {
    for (const auto& [command, code] : std::initializer_list<std::pair<const char*, int>>{
             {"/bin/none", 127}, {"none", 127}, {"/tmp", 126}, {"/proc/version", 126}}) {
        const std::string program = command;
        CAPTURE(program);
        Container box("");
        box.spec.process->args = {command};
        box.prepare();
        MonitorClient client = Container::spawn();
        client.send_start(box.config);
        try {
            (void)client.wait_started();
            FAIL("has started");
        } catch (const StartError& error) {
            CHECK(error.exit_code() == code);
            CHECK(error.text().find(command) != std::string::npos);
        }
        Container::wait_for_monitor(client);
        CHECK(cgroup_is_gone(box.cgroup));
        CHECK(read_exit_record(box.run_dir())->cause == ExitCause::start_failed);
    }
}

TEST_CASE("stdout can be opened by name, also by a user") {
    for (const uint32_t uid : {0U, 1000U}) {
        Container box("echo one >/proc/self/fd/1; echo two >/proc/self/fd/2");
        box.spec.process->user.uid = uid;
        const auto seen = box.run();
        CHECK(seen.out == "one\n");
        CHECK(seen.err == "two\n");
    }
}

TEST_CASE("only 0, 1 and 2 are open inside") {
    Container box("ls /proc/self/fd | wc -l; cat");
    box.config.stdin_open = box.config.stdin_once = true;
    sys::Pipe in = sys::pipe2();
    in.write.reset();
    const auto seen = box.run({.input = in.read.get(), .acknowledge_exit = true});
    CHECK(seen.out == "4\n");  // the directory itself is the fourth
}

TEST_CASE("a terminal") {
    Container box("tty; stty size; seq 1 1000; exit 5");
    box.config.terminal = true;
    box.config.window = {.rows = 31, .columns = 71};
    const auto seen = box.run({.terminal = true, .acknowledge_exit = true});
    CHECK(seen.out.starts_with("/dev/pts/0\r\n31 71\r\n1\r\n2\r\n"));
    CHECK(seen.out.ends_with("999\r\n1000\r\n"));
    CHECK(seen.result.exit->exit_code == 5);
}

TEST_CASE("processes of a shared pid namespace do not outlive init") {
    Container box("sleep 1000 & sleep 1000 & echo started; exit 0");
    std::erase_if(box.spec.linux_.namespaces, [](const auto& ns) { return ns.type == "pid"; });
    const auto seen = box.run();
    CHECK(seen.out == "started\n");
    CHECK(cgroup_is_gone(box.cgroup));
}

TEST_CASE("out of memory is told from being killed") {
    Container box("dd if=/dev/zero of=/dev/null bs=200M count=1; echo survived");
    box.spec.linux_.resources->memory.emplace().limit = 32 * 1024 * 1024;
    box.spec.process->args = {
        "/bin/busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"};
    const auto seen = box.run();
    REQUIRE(seen.result.exit);
    CHECK(seen.result.exit->oom_killed);
    CHECK(seen.result.exit->cause == ExitCause::oom);
    CHECK(seen.result.exit->exit_code == 137);
}

TEST_CASE("exec sessions: output, status, terminal, and nothing left") {
    Container box("sleep 1000");
    MonitorClient client = box.run_detached();
    (void)client.release_channel();
    const auto exec = [&](MonitorConfig config, AttachOptions options) {
        const sys::UniqueFd out = sys::open(box.file("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        options.output = options.error_output = out.get();
        AttachSession session(options);
        const sys::UniqueFd self = sys::open("/proc/self/exe", O_PATH);
        MonitorClient monitor = MonitorClient::spawn(self.get(), MonitorKind::exec);
        monitor.send_start(config);
        (void)monitor.wait_started();
        const auto result = session.run(monitor.channel());
        Container::wait_for_monitor(monitor);
        return std::pair{box.read("out"), result.exit->exit_code};
    };
    const auto [hello, status] = exec(box.exec_config("echo hello; exit 6"), {});
    CHECK(hello == "hello\n");
    CHECK(status == 6);
    MonitorConfig with_terminal = box.exec_config("tty; exit 7");
    with_terminal.terminal = true;
    json::Value process = json::parse(with_terminal.exec->process_json, "process");
    process["terminal"] = true;
    with_terminal.exec->process_json = json::to_text(process);
    const auto [text, code] = exec(with_terminal, {.terminal = true});
    CHECK(text.starts_with("/dev/pts/"));
    CHECK(code == 7);
    CHECK(box.log_text().empty());
    CHECK(send_signal(box.run_dir(), SIGKILL));
    CHECK(wait_exit(box.run_dir(), seconds(30))->exit_code == 137);
    Container::wait_for_monitor(client);
    CHECK(cgroup_is_gone(box.cgroup));
}

TEST_CASE("an exec session ends with its container") {
    Container box("sleep 1000");
    MonitorClient client = box.run_detached();
    (void)client.release_channel();
    const sys::UniqueFd self = sys::open("/proc/self/exe", O_PATH);
    MonitorClient monitor = MonitorClient::spawn(self.get(), MonitorKind::exec);
    monitor.send_start(box.exec_config("echo ready; sleep 1000"));
    (void)monitor.wait_started();
    FrameReader reader;
    CHECK(reader.receive(monitor.channel())->payload == "ready\n");
    CHECK(send_signal(box.run_dir(), SIGKILL));
    const auto frame = reader.receive(monitor.channel());
    REQUIRE(frame);
    CHECK(parse_exit_record(frame->payload).exit_code == 137);
    Container::wait_for_monitor(monitor);
    Container::wait_for_monitor(client);
}

/// Private memory and proportional share of a process in kB.
struct Memory {
    uint64_t pss = 0;
    uint64_t private_dirty = 0;
};
Memory memory_of(pid_t pid) {
    Memory memory;
    const std::string text = sys::read_file(fmt::format("/proc/{}/smaps_rollup", pid), 64 * 1024);
    for (const auto line : split(text, '\n')) {
        const auto pair = split_once(line, ':');
        if (!pair) {
            continue;
        }
        const auto number = trim(pair->second);
        const uint64_t value = parse_uint64(number.substr(0, number.find(' '))).value_or(0);
        if (pair->first == "Pss") {
            memory.pss = value;
        } else if (pair->first == "Private_Dirty") {
            memory.private_dirty = value;
        }
    }
    return memory;
}

/// The monitor to measure: that of the release binary, if one is named.
sys::UniqueFd measured_executable() {
    const char* path = std::getenv("NAU_MEASURE_EXE");
    return sys::open(path != nullptr ? path : "/proc/self/exe", O_PATH);
}

TEST_CASE("measure" * doctest::skip(std::getenv("NAU_MEASURE") == nullptr)) {
    std::array<std::vector<int64_t>, 5> times;
    for (int i = 0; i < 30; ++i) {
        Container box("exit 0");
        box.spec.process->args = {"/bin/true"};
        box.prepare();
        std::this_thread::sleep_for(milliseconds(50));
        using clock = std::chrono::steady_clock;
        const sys::UniqueFd self = measured_executable();
        AttachSession session({.acknowledge_exit = true});
        const auto begin = clock::now();
        MonitorClient client = MonitorClient::spawn(self.get(), MonitorKind::container);
        const auto spawned = clock::now();
        std::this_thread::sleep_for(milliseconds(3));  // the CLI's database work
        const auto sent = clock::now();
        client.send_start(box.config);
        const StartReply reply = client.wait_started();
        const auto started = clock::now();
        (void)session.run(client.channel());
        const auto ended = clock::now();
        (void)sys::wait_ended(client.monitor_pidfd(), seconds(10));
        const auto gone = clock::now();
        const auto us = [](auto duration) {
            return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
        };
        times[0].push_back(us(spawned - begin));
        times[1].push_back(us(started - sent));
        times[2].push_back(us(ended - started));
        times[3].push_back(us(gone - ended));
        times[4].push_back(reply.launch_ns / 1000);
        if (i == 0) {
            fmt::print("prepare {} us, launch {} us, finish {} us\n",
                       reply.prepare_ns / 1000,
                       reply.launch_ns / 1000,
                       reply.finish_ns / 1000);
        }
    }
    const char* names[] = {"spawn",
                           "start (sent to started)",
                           "started to ended",
                           "tear down",
                           "of the start: launch"};
    for (size_t i = 0; i < times.size(); ++i) {
        std::ranges::sort(times[i]);
        fmt::print("{}: median {} us\n", names[i], times[i][times[i].size() / 2]);
    }
    Container idle("sleep 1000");
    idle.prepare();
    const sys::UniqueFd self = measured_executable();
    MonitorClient client = MonitorClient::spawn(self.get(), MonitorKind::container);
    client.send_start(idle.config);
    idle.reply = client.wait_started();
    (void)client.release_channel();
    std::this_thread::sleep_for(milliseconds(300));
    const Memory memory = memory_of(idle.reply.monitor.pid);
    fmt::print("idle monitor: pss {} kB, private dirty {} kB\n", memory.pss, memory.private_dirty);
    if (const char* pause = std::getenv("NAU_MEASURE_PAUSE")) {
        fmt::print("monitor {}\n", idle.reply.monitor.pid);
        std::this_thread::sleep_for(seconds(std::atoi(pause)));
    }
    CHECK(send_signal(idle.run_dir(), SIGKILL));
    Container::wait_for_monitor(client);
}

}  // namespace
}  // namespace nau::monitor
