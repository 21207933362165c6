// Runs a bundle straight through runtime/launch, without engine, monitor and command line: for
// tests by hand and for measuring. Not installed.
//
//   runtime-harness run BUNDLE [options]           runs config.json, exits with the task's status
//     --overlay LOWER[:LOWER…] --upper DIR --work DIR [--volatile]   the root (else root.path)
//     --cgroup PATH      its control groups (else linux.cgroupsPath; "" for none)
//     --init             nau as process 1
//     --preserve N       N descriptors more: copies of stderr
//     --figures          prints the groups' figures and what is left of them as JSON to stderr
//     --fifo PATH        create and start apart: starts when a byte is written there
//     --exec WORD…       also runs this command in the task (the last option)
//     --bench N          N times with pauses; prints medians of the pieces in microseconds
//     --pause MS         between them (50)
//   runtime-harness spec [COMMAND…]                a config.json with everything usual

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/exec.h"
#include "runtime/launch.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp.h"
#include "sys/file.h"
#include "sys/process.h"

namespace {

using namespace std::chrono;
namespace runtime = nau::runtime;
namespace cgroup = nau::runtime::cgroup;
namespace oci = nau::oci;
namespace sys = nau::sys;

struct Options {
    std::string bundle;
    std::vector<std::string> lower;
    std::string upper;
    std::string work;
    bool is_volatile = false;
    std::string cgroup = "-";
    bool init = false;
    int preserve = 0;
    bool figures = false;
    std::string fifo;
    std::vector<std::string> exec;
    int bench = 0;
    int pause_ms = 50;
};

double since(steady_clock::time_point start) {
    return duration<double, std::micro>(steady_clock::now() - start).count();
}

std::map<std::string, std::vector<double>> pieces;

oci::RuntimeSpec usual_spec(std::vector<std::string> command) {
    oci::RuntimeSpec spec;
    spec.root = oci::spec::Root{"rootfs", false};
    spec.hostname = "box";
    auto& process = spec.process.emplace();
    process.args = command.empty() ? std::vector<std::string>{"/bin/true"} : std::move(command);
    process.env = {"PATH=/bin:/usr/bin", "TERM=xterm"};
    process.no_new_privileges = true;
    auto& caps = process.capabilities.emplace();
    caps.bounding = {"CAP_CHOWN",
                     "CAP_DAC_OVERRIDE",
                     "CAP_FOWNER",
                     "CAP_FSETID",
                     "CAP_KILL",
                     "CAP_NET_BIND_SERVICE",
                     "CAP_SETFCAP",
                     "CAP_SETGID",
                     "CAP_SETPCAP",
                     "CAP_SETUID",
                     "CAP_SYS_CHROOT"};
    caps.effective = caps.permitted = caps.bounding;
    const auto add = [&](const char* type, const char* to, std::vector<std::string> options) {
        spec.mounts.push_back({to, type, type, std::move(options), {}, {}});
    };
    add("proc", "/proc", {"nosuid", "noexec", "nodev"});
    add("tmpfs", "/dev", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"});
    add("devpts",
        "/dev/pts",
        {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
    add("sysfs", "/sys", {"nosuid", "noexec", "nodev", "ro"});
    add("cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"});
    add("mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"});
    add("tmpfs", "/dev/shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"});
    auto& linux_spec = spec.linux_;
    for (const char* type : {"mount", "pid", "ipc", "uts", "network", "cgroup"}) {
        linux_spec.namespaces.push_back({type, ""});
    }
    linux_spec.masked_paths = {"/proc/acpi",
                               "/proc/asound",
                               "/proc/interrupts",
                               "/proc/kcore",
                               "/proc/keys",
                               "/proc/latency_stats",
                               "/proc/sched_debug",
                               "/proc/scsi",
                               "/proc/timer_list",
                               "/proc/timer_stats",
                               "/sys/devices/virtual/powercap",
                               "/sys/firmware",
                               "/sys/fs/selinux"};
    linux_spec.readonly_paths = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    linux_spec.sysctl = {{"net.ipv4.ping_group_range", "0 0"}};
    linux_spec.cgroups_path = fmt::format("/nau-harness/{}", getpid());
    auto& resources = linux_spec.resources.emplace();
    resources.pids_limit = 2048;
    resources.devices.push_back({false, "a", {}, {}, "rwm"});
    for (const char* type : {"c", "b"}) {
        resources.devices.push_back({true, type, {}, {}, "m"});
    }
    for (const auto& [major, minor] : std::vector<std::pair<int, int>>{
             {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}}) {
        resources.devices.push_back({true, "c", major, minor, "rwm"});
    }
    resources.devices.push_back({true, "c", 136, {}, "rwm"});
    spec.annotations[runtime::kSeccompAnnotation] = runtime::kSeccompDefault;
    return spec;
}

void pump(int from, int to, int pidfd) {
    char buffer[4096];
    for (;;) {
        pollfd fds[2] = {{from, POLLIN, 0}, {pidfd, POLLIN, 0}};
        (void)poll(fds, 2, -1);
        if ((fds[0].revents & POLLIN) != 0) {
            const ssize_t size = read(from, buffer, sizeof buffer);
            if (size > 0) {
                (void)!write(to, buffer, static_cast<size_t>(size));
                continue;
            }
        }
        if (fds[0].revents != 0 || fds[1].revents != 0) {
            return;
        }
    }
}

sys::ExitStatus finish(runtime::LaunchedTask& task) {
    for (const auto& warning : task.warnings) {
        fmt::print(stderr, "warning: {}\n", warning);
    }
    if (task.console) {
        pump(task.console.get(), 1, task.pidfd.get());
    }
    sys::Child child(task.pid, std::move(task.pidfd));
    return child.wait();
}

template <typename Lap>
int run_exec(const runtime::ExecOptions& options, const Lap& lap) {
    try {
        auto session = runtime::exec_in(options);
        lap("6 exec");
        const int status = finish(session).shell_code();
        lap("7 exec's end");
        return status;
    } catch (const runtime::LaunchError& error) {
        fmt::print(stderr, "Error: {} [{}]\n", error.text(), runtime::to_string(error.step()));
        return runtime::exit_code(error);
    }
}

void print_figures(const cgroup::CgroupManager& group) {
    nlohmann::json json = nlohmann::json::object();
    if (const auto memory = group.memory()) {
        json["memory_peak"] = memory->peak_bytes.value_or(0);
        json["memory_limit"] = memory->limit_bytes.value_or(0);
    }
    if (const auto cpu = group.cpu()) {
        json["cpu_us"] = cpu->total.count() / 1000;
    }
    json["oom_kills"] = group.oom_kill_count().value_or(0);
    json["pids"] = group.pids().value_or(0);
    json["processes"] = group.processes().size();
    json["mode"] = cgroup::to_string(group.mode());
    fmt::print(stderr, "{}\n", json.dump());
}

int run_once(const Options& options) {
    auto mark = steady_clock::now();
    const auto start = mark;
    const auto lap = [&](const char* name) {
        pieces[name].push_back(since(mark));
        mark = steady_clock::now();
    };
    const auto spec = oci::parse_runtime_spec(
        sys::read_file(options.bundle + "/config.json", 1 << 24), "config.json");
    lap("1 parse");
    sys::UniqueFd rootfs;
    if (!options.lower.empty()) {
        rootfs = runtime::open_rootfs({.kind = runtime::RootfsKind::overlay,
                                       .path = {},
                                       .lower_dirs = options.lower,
                                       .upper = options.upper,
                                       .work = options.work,
                                       .is_volatile = options.is_volatile});
    } else {
        rootfs = runtime::open_rootfs({.kind = runtime::RootfsKind::directory,
                                       .path = options.bundle + "/" + spec.root->path,
                                       .lower_dirs = {},
                                       .upper = {},
                                       .work = {}});
    }
    lap("2 rootfs");
    std::unique_ptr<cgroup::CgroupManager> group;
    const std::string path = options.cgroup == "-" ? spec.linux_.cgroups_path : options.cgroup;
    if (!path.empty()) {
        const auto layout = cgroup::detect_layout();
        lap("3 detect cgroups");
        group = cgroup::open_cgroup(layout, path);
        group->create(spec.linux_.resources.value_or(oci::spec::Resources{}));
        lap("4 create cgroups");
    }
    runtime::LaunchOptions launch_options;
    launch_options.spec = &spec;
    launch_options.id = "harness";
    launch_options.rootfs_fd = rootfs.get();
    launch_options.bundle = options.bundle;
    launch_options.stdio = {0, 1, 2};
    launch_options.cgroup = group.get();
    launch_options.init = options.init;
    launch_options.kill_with_parent = true;
    launch_options.preserved_fds.assign(static_cast<size_t>(options.preserve), 2);
    sys::UniqueFd fifo;
    if (!options.fifo.empty()) {
        fifo = sys::open(options.fifo, O_RDWR);
        launch_options.start_fifo_fd = fifo.get();
    }
    int status = 0;
    try {
        auto task = runtime::launch(launch_options);
        lap("5 launch");
        if (fifo) {
            fmt::print(stderr, "created\n");
        }
        if (!options.exec.empty()) {
            auto process = *spec.process;
            process.args = options.exec;
            runtime::ExecOptions exec_options;
            exec_options.target = {task.pid, task.start_time};
            exec_options.id = "harness";
            exec_options.process = &process;
            exec_options.spec = &spec;
            exec_options.stdio = {0, 1, 2};
            exec_options.preserved_fds = launch_options.preserved_fds;
            exec_options.cgroup = group.get();
            status = run_exec(exec_options, lap);
            (void)sys::send_signal(task.pidfd.get(), SIGKILL);
            (void)finish(task);
        } else {
            status = finish(task).shell_code();
        }
        lap("8 run and wait");
    } catch (const runtime::LaunchError& error) {
        fmt::print(stderr, "Error: {} [{}]\n", error.text(), runtime::to_string(error.step()));
        status = runtime::exit_code(error);
    } catch (const nau::Error& error) {
        fmt::print(stderr, "Error: {}\n", error.text());
        status = 125;
    }
    if (group) {
        if (options.figures) {
            print_figures(*group);
        }
        group->remove();
        lap("9 remove cgroups");
    }
    rootfs.reset();
    lap("10 close rootfs");
    pieces["total"].push_back(since(start));
    return status;
}

int run(const Options& options) {
    if (options.bench == 0) {
        return run_once(options);
    }
    for (int i = 0; i < options.bench; ++i) {
        std::this_thread::sleep_for(milliseconds(options.pause_ms));
        if (const int status = run_once(options); status != 0 && options.exec.empty()) {
            return status;
        }
    }
    for (auto& [name, values] : pieces) {
        std::sort(values.begin(), values.end());
        fmt::print("{:18} median {:8.0f}  best {:8.0f}  90% {:8.0f}\n",
                   name,
                   values[values.size() / 2],
                   values.front(),
                   values[values.size() * 9 / 10]);
    }
    return 0;
}

Options parse(int argc, char** argv) {
    Options options;
    options.bundle = argv[2];
    for (int i = 3; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--overlay") {
            for (const auto part : nau::split(argv[++i], ':')) {
                options.lower.emplace_back(part);
            }
        } else if (word == "--upper") {
            options.upper = argv[++i];
        } else if (word == "--work") {
            options.work = argv[++i];
        } else if (word == "--volatile") {
            options.is_volatile = true;
        } else if (word == "--cgroup") {
            options.cgroup = argv[++i];
        } else if (word == "--init") {
            options.init = true;
        } else if (word == "--preserve") {
            options.preserve = atoi(argv[++i]);
        } else if (word == "--figures") {
            options.figures = true;
        } else if (word == "--fifo") {
            options.fifo = argv[++i];
        } else if (word == "--bench") {
            options.bench = atoi(argv[++i]);
        } else if (word == "--pause") {
            options.pause_ms = atoi(argv[++i]);
        } else if (word == "--exec") {
            options.exec.assign(argv + i + 1, argv + argc);
            break;
        } else {
            fmt::print(stderr, "unknown option {}\n", word);
            exit(125);
        }
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc >= 3 && std::string_view(argv[1]) == "run") {
            return run(parse(argc, argv));
        }
        if (argc >= 2 && std::string_view(argv[1]) == "spec") {
            const auto spec = usual_spec(std::vector<std::string>(argv + 2, argv + argc));
            fmt::print("{}\n", nau::json::to_pretty_text(oci::to_json(spec)));
            return 0;
        }
    } catch (const nau::Error& error) {
        fmt::print(stderr, "Error: {}\n", error.text());
        return 125;
    }
    fmt::print(stderr, "usage: runtime-harness run BUNDLE … | spec COMMAND…\n");
    return 125;
}
