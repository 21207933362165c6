// v1 and hybrid. Which hierarchies a task is in is decided when it is created, and afterwards read
// off the directories that exist:
//
//   always      memory, pids, cpu          accounting, fairness, and limits by update()
//               devices                    unless everything is permitted
//               the unified tree           hybrid: kill, freeze, processor time
//               cpuacct, freezer           pure v1: the same
//   if asked    cpuset, blkio, hugetlb, net_cls, net_prio, rdma
//   name=systemd                           where this process is in a group of its own there, which
//                                          systemd would clear when the session ends
//
// Each further hierarchy costs about 80 µs of a start (README.md).

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/scope_exit.h"
#include "runtime/cgroup/group_files.h"
#include "runtime/cgroup/limits.h"
#include "runtime/cgroup/managers.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::runtime::cgroup {

namespace raw = sys::raw;
using oci::spec::Resources;
using sys::UniqueFd;

namespace {

constexpr int kKillRounds = 100;

/// v1's "unlimited" is the largest page-aligned number.
constexpr uint64_t kUnlimited = uint64_t{1} << 62;

const Hierarchy* find_hierarchy(const Layout& layout, std::string_view controller) noexcept {
    for (const Hierarchy& hierarchy : layout.hierarchies) {
        if (std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
            hierarchy.controllers.end()) {
            return &hierarchy;
        }
    }
    return nullptr;
}

class V1Manager final : public CgroupManager {
  public:
    V1Manager(Layout layout, std::string path)
        : layout_(std::move(layout)), path_(std::move(path)) {}

    Mode mode() const noexcept override { return layout_.mode; }
    const Layout& layout() const noexcept override { return layout_; }
    const std::string& path() const noexcept override { return path_; }

    bool exists() const override {
        const auto directories = possible_directories();
        return std::any_of(directories.begin(), directories.end(), [](const std::string& d) {
            return sys::file_exists(d);
        });
    }

    Layout joined_layout() const override {
        Layout joined = layout_;
        std::erase_if(joined.hierarchies, [&](const Hierarchy& hierarchy) {
            return !sys::file_exists(directory_in(hierarchy));
        });
        if (!is_hybrid() || !sys::file_exists(unified_directory())) {
            joined.unified_mount.clear();
        }
        return joined;
    }

    void create(const Resources& resources) override {
        const std::vector<LimitWrite> limits = plan_v1_limits(resources);
        const std::vector<LimitWrite> devices = plan_v1_devices(resources.devices);
        const std::vector<const Hierarchy*> wanted = choose_hierarchies(resources, limits);
        std::vector<std::string> made;
        ScopeExit undo([&]() noexcept {
            for (const std::string& directory : made) {
                (void)raw::unlinkat(AT_FDCWD, directory.c_str(), AT_REMOVEDIR);
            }
        });
        for (const Hierarchy* hierarchy : wanted) {
            make_in(*hierarchy, made);
        }
        if (is_hybrid()) {
            make_unified(made);
        }
        write_all(limits);
        write_all(devices);
        undo.release();
    }

    void update(const Resources& resources) override {
        const std::vector<LimitWrite> limits = plan_v1_limits(resources);
        for (const LimitWrite& limit : limits) {
            const Hierarchy& hierarchy = need_hierarchy(limit);
            if (!sys::file_exists(directory_in(hierarchy))) {
                enter_late(hierarchy);
            }
        }
        write_memory_in_order(limits);
        write_all(plan_v1_devices(resources.devices));
    }

    JoinTargets open_join_targets() const override {
        JoinTargets targets;
        for (const Hierarchy& hierarchy : layout_.hierarchies) {
            const std::string file = directory_in(hierarchy) + "/tasks";
            const int fd = raw::open(file.c_str(), O_WRONLY | O_CLOEXEC);
            if (fd == -ENOENT) {
                continue;
            }
            if (fd < 0) {
                throw SysError(-fd, "open {}", file);
            }
            targets.tasks_files.emplace_back(fd);
        }
        if (is_hybrid()) {
            const int fd = raw::open(unified_directory().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0 && fd != -ENOENT) {
                throw SysError(-fd, "open {}", unified_directory());
            }
            targets.clone_into = UniqueFd(fd);
        }
        return targets;
    }

    void add_process(pid_t pid) override {
        for (const std::string& directory : existing_directories()) {
            sys::write_existing(directory + "/cgroup.procs", fmt::format("{}", pid));
        }
    }

    std::vector<pid_t> processes() const override { return processes_below(process_directory()); }
    bool is_empty() const override { return !has_processes_below(process_directory()); }

    void kill_all() override {
        // Linux ≥ 5.14: one write, and nobody can fork past it.
        if (is_hybrid() && try_write(unified_directory() + "/cgroup.kill", "1")) {
            return;
        }
        const std::string directory = process_directory();
        const bool was_frozen = is_frozen();
        // A frozen group cannot fork while it is looked through; the signals take effect when it
        // thaws.
        const std::string state = freezer_file();
        if (!was_frozen && !state.empty()) {
            (void)try_write(state, "FROZEN");
        }
        kill_one_by_one(directory, 1);
        thaw();
        kill_one_by_one(directory, kKillRounds);
    }

    void freeze() override {
        if (is_hybrid() && try_write(unified_directory() + "/cgroup.freeze", "1")) {
            wait_for([&] { return is_frozen(); }, "freeze");
            return;
        }
        const std::string state = freezer_file();
        if (state.empty()) {
            throw Error(ErrorKind::unsupported, "the freezer controller is not mounted")
                .with_hint("mount -t cgroup -o freezer freezer /sys/fs/cgroup/freezer");
        }
        sys::write_existing(state, "FROZEN");
        // Processes that are being born may keep it FREEZING: asking again helps.
        wait_for(
            [&] {
                if (is_frozen()) {
                    return true;
                }
                sys::write_existing(state, "FROZEN");
                return false;
            },
            "freeze");
    }

    void thaw() override {
        if (is_hybrid()) {
            (void)try_write(unified_directory() + "/cgroup.freeze", "0");
        }
        if (const std::string state = freezer_file(); !state.empty()) {
            (void)try_write(state, "THAWED");
        }
    }

    bool is_frozen() const override {
        if (is_hybrid() &&
            read_keyed_number(unified_directory() + "/cgroup.events", "frozen") == uint64_t{1}) {
            return true;
        }
        const std::string state = freezer_file();
        if (state.empty()) {
            return false;
        }
        const auto text = sys::read_file_if_exists(state, 64);
        return text && trim(*text) == "FROZEN";
    }

    std::optional<MemoryFigures> memory() const override {
        const std::string directory = directory_of("memory");
        const auto usage = read_number(directory + "/memory.usage_in_bytes");
        if (!usage) {
            return std::nullopt;
        }
        MemoryFigures figures;
        figures.usage_bytes = *usage;
        figures.peak_bytes = memory_peak_bytes();
        const auto limit = read_number(directory + "/memory.limit_in_bytes");
        if (limit && *limit < kUnlimited) {
            figures.limit_bytes = limit;
        }
        const auto with_swap = read_number(directory + "/memory.memsw.usage_in_bytes");
        if (with_swap && *with_swap >= *usage) {
            figures.swap_bytes = *with_swap - *usage;
        }
        figures.inactive_file_bytes =
            read_keyed_number(directory + "/memory.stat", "total_inactive_file");
        return figures;
    }

    std::optional<uint64_t> memory_peak_bytes() const override {
        return read_number(directory_of("memory") + "/memory.max_usage_in_bytes");
    }

    std::optional<CpuFigures> cpu() const override {
        CpuFigures figures;
        if (!read_unified_cpu(figures) && !read_cpuacct(figures)) {
            return std::nullopt;
        }
        const KeyedFile stat(directory_of("cpu") + "/cpu.stat");
        figures.periods = stat.get("nr_periods");
        figures.throttled_periods = stat.get("nr_throttled");
        figures.throttled =
            std::chrono::nanoseconds(static_cast<int64_t>(stat.get("throttled_time")));
        return figures;
    }

    std::optional<uint64_t> pids() const override {
        return read_number(directory_of("pids") + "/pids.current");
    }

    std::optional<BlockIoFigures> block_io() const override {
        const std::string directory = directory_of("blkio");
        const auto bytes = sys::read_file_if_exists(
            directory + "/blkio.throttle.io_service_bytes_recursive", kMaxStatFile);
        const auto operations = sys::read_file_if_exists(
            directory + "/blkio.throttle.io_serviced_recursive", kMaxStatFile);
        if (!bytes || !operations) {
            return std::nullopt;
        }
        BlockIoFigures figures;
        add_up(*bytes, figures.read_bytes, figures.written_bytes);
        add_up(*operations, figures.reads, figures.writes);
        return figures;
    }

    std::optional<uint64_t> oom_kill_count() const override {
        return read_keyed_number(directory_of("memory") + "/memory.oom_control", "oom_kill");
    }

    std::optional<OomWatch> watch_oom() const override {
        const std::string directory = directory_of("memory");
        const int control =
            raw::open((directory + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC);
        if (control < 0) {
            return std::nullopt;
        }
        const UniqueFd control_fd(control);
        UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!event) {
            throw SysError(errno, "make an eventfd");
        }
        sys::write_existing(directory + "/cgroup.event_control",
                            fmt::format("{} {}", event.get(), control_fd.get()));
        return OomWatch{std::move(event), EPOLLIN};
    }

    void remove(std::chrono::milliseconds patience) override {
        std::vector<std::string> left = possible_directories();
        const auto sweep = [&] {
            std::erase_if(left, [](const std::string& d) { return try_remove_tree(d); });
            return left.empty();
        };
        if (sweep()) {
            return;
        }
        kill_all();
        Backoff backoff(patience);
        while (!sweep()) {
            if (!backoff.wait()) {
                throw Error(
                    ErrorKind::in_use, "the control group {} still has processes", left.front());
            }
            kill_one_by_one(left.front(), 1);
        }
    }

  private:
    static constexpr size_t kMaxStatFile = 1024 * 1024;

    bool is_hybrid() const noexcept { return layout_.mode == Mode::hybrid; }
    std::string unified_directory() const { return layout_.unified_mount + path_; }
    std::string directory_in(const Hierarchy& hierarchy) const {
        return hierarchy.mount_point + path_;
    }
    /// Of a name that does not exist, if the controller is not there.
    std::string directory_of(std::string_view controller) const {
        const Hierarchy* hierarchy = find_hierarchy(layout_, controller);
        return hierarchy == nullptr ? "/nonexistent" : directory_in(*hierarchy);
    }

    std::vector<std::string> possible_directories() const {
        std::vector<std::string> directories;
        for (const Hierarchy& hierarchy : layout_.hierarchies) {
            directories.push_back(directory_in(hierarchy));
        }
        if (is_hybrid()) {
            directories.push_back(unified_directory());
        }
        return directories;
    }

    std::vector<std::string> existing_directories() const {
        std::vector<std::string> directories = possible_directories();
        std::erase_if(directories, [](const std::string& d) { return !sys::file_exists(d); });
        return directories;
    }

    /// One hierarchy is enough to list the processes: all of a task's groups have the same.
    std::string process_directory() const {
        if (is_hybrid()) {
            return unified_directory();
        }
        for (const char* controller : {"freezer", "pids", "memory"}) {
            std::string directory = directory_of(controller);
            if (sys::file_exists(directory)) {
                return directory;
            }
        }
        const auto directories = existing_directories();
        return directories.empty() ? "/nonexistent" : directories.front();
    }

    std::string freezer_file() const {
        const std::string directory = directory_of("freezer");
        return sys::file_exists(directory) ? directory + "/freezer.state" : std::string();
    }

    template <typename Condition>
    void wait_for(Condition&& condition, const char* what) const {
        Backoff backoff(std::chrono::seconds(10));
        while (!condition()) {
            if (!backoff.wait()) {
                throw Error(ErrorKind::timed_out, "{} the control group {}", what, path_);
            }
        }
    }

    // --- making

    const Hierarchy& need_hierarchy(const LimitWrite& limit) const {
        const Hierarchy* hierarchy = find_hierarchy(layout_, limit.controller);
        if (hierarchy == nullptr) {
            throw Error(ErrorKind::unsupported,
                        "linux: resources: {}: the {} controller is not mounted",
                        limit.member,
                        limit.controller)
                .with_hint(
                    fmt::format("mount -t cgroup -o {0} {0} /sys/fs/cgroup/{0}", limit.controller));
        }
        return *hierarchy;
    }

    std::vector<const Hierarchy*> choose_hierarchies(const Resources& resources,
                                                     const std::vector<LimitWrite>& limits) const {
        std::vector<const Hierarchy*> chosen;
        const auto choose = [&](const Hierarchy* hierarchy) {
            if (hierarchy != nullptr &&
                std::find(chosen.begin(), chosen.end(), hierarchy) == chosen.end()) {
                chosen.push_back(hierarchy);
            }
        };
        for (const char* controller : {"memory", "pids", "cpu"}) {
            choose(find_hierarchy(layout_, controller));
        }
        if (!is_hybrid()) {
            choose(find_hierarchy(layout_, "cpuacct"));
            choose(find_hierarchy(layout_, "freezer"));
        }
        if (layout_.joins_accounting) {
            choose(find_hierarchy(layout_, "cpuacct"));
            choose(find_hierarchy(layout_, "blkio"));
        }
        for (const LimitWrite& limit : limits) {
            choose(&need_hierarchy(limit));
        }
        if (!resources.devices.empty() && !is_permissive(resources)) {
            choose(&need_hierarchy({"devices", "", "", "devices", false}));
        }
        for (const Hierarchy& hierarchy : layout_.hierarchies) {
            if (hierarchy.name == "systemd" && hierarchy.own_path != "/") {
                choose(&hierarchy);
            }
        }
        return chosen;
    }

    static bool is_permissive(const Resources& resources) {
        const auto& last = resources.devices.back();
        return last.allow && (last.type.empty() || last.type == "a");
    }

    void make_in(const Hierarchy& hierarchy, std::vector<std::string>& made) const {
        const std::string directory = directory_in(hierarchy);
        if (make_group(hierarchy.mount_point, path_)) {
            made.push_back(directory);
        } else if (has_processes_below(directory)) {
            throw Error(ErrorKind::in_use, "the control group {} has processes", directory);
        }
        const bool has_cpuset =
            std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), "cpuset") !=
            hierarchy.controllers.end();
        if (has_cpuset) {
            fill_cpuset(hierarchy);
        }
    }

    /// A new cpuset is empty, and nothing can enter it before it has processors and memory nodes:
    /// each level gets its parent's.
    void fill_cpuset(const Hierarchy& hierarchy) const {
        std::string parent = hierarchy.mount_point;
        for (size_t slash = path_.find('/', 1);; slash = path_.find('/', slash + 1)) {
            const std::string directory = hierarchy.mount_point + path_.substr(0, slash);
            for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
                const std::string own = fmt::format("{}/{}", directory, file);
                if (trim(sys::read_file(own, kMaxStatFile)).empty()) {
                    sys::write_existing(
                        own, sys::read_file(fmt::format("{}/{}", parent, file), kMaxStatFile));
                }
            }
            if (slash == std::string::npos) {
                return;
            }
            parent = directory;
        }
    }

    void make_unified(std::vector<std::string>& made) const {
        if (make_group(layout_.unified_mount, path_)) {
            made.push_back(unified_directory());
        }
    }

    void write_all(const std::vector<LimitWrite>& limits) const {
        for (const LimitWrite& limit : limits) {
            const std::string directory = directory_of(limit.controller);
            if (limit.controller == "devices" && !sys::file_exists(directory)) {
                return;  // everything is permitted, and there is no group
            }
            write_limit(directory, limit);
        }
    }

    /// Memory may not exceed memory + swap at any moment: when both grow, the sum comes first.
    void write_memory_in_order(const std::vector<LimitWrite>& limits) const {
        const auto find = [&](std::string_view file) {
            return std::find_if(
                limits.begin(), limits.end(), [&](const LimitWrite& l) { return l.file == file; });
        };
        const auto memory = find("memory.limit_in_bytes");
        const auto sum = find("memory.memsw.limit_in_bytes");
        const auto current = read_number(directory_of("memory") + "/memory.memsw.limit_in_bytes");
        if (memory != limits.end() && sum != limits.end() && current) {
            const auto wanted = parse_uint64(sum->value);
            if (!wanted || *wanted > *current) {
                write_limit(directory_of("memory"), *sum);
            }
        }
        write_all(limits);
    }

    /// A limit of a controller that the task is not in yet.
    void enter_late(const Hierarchy& hierarchy) {
        std::vector<std::string> made;
        const std::vector<pid_t> pids = processes();
        make_in(hierarchy, made);
        for (const pid_t pid : pids) {
            (void)raw_add(directory_in(hierarchy), pid);
        }
    }

    /// A process that has ended by now is no error.
    static bool raw_add(const std::string& directory, pid_t pid) {
        try {
            sys::write_existing(directory + "/cgroup.procs", fmt::format("{}", pid));
            return true;
        } catch (const SysError& error) {
            if (error.error() != ESRCH) {
                throw;
            }
            return false;
        }
    }

    // --- figures

    bool read_unified_cpu(CpuFigures& figures) const {
        if (!is_hybrid()) {
            return false;
        }
        const KeyedFile stat(unified_directory() + "/cpu.stat");
        if (!stat.find("usage_usec")) {
            return false;
        }
        const auto microseconds = [&](const char* key) {
            return std::chrono::microseconds(static_cast<int64_t>(stat.get(key)));
        };
        figures.total = microseconds("usage_usec");
        figures.user = microseconds("user_usec");
        figures.system = microseconds("system_usec");
        return true;
    }

    bool read_cpuacct(CpuFigures& figures) const {
        const std::string directory = directory_of("cpuacct");
        const auto total = read_number(directory + "/cpuacct.usage");
        if (!total) {
            return false;
        }
        const auto nanoseconds = [](std::optional<uint64_t> value) {
            return std::chrono::nanoseconds(static_cast<int64_t>(value.value_or(0)));
        };
        figures.total = nanoseconds(total);
        figures.user = nanoseconds(read_number(directory + "/cpuacct.usage_user"));
        figures.system = nanoseconds(read_number(directory + "/cpuacct.usage_sys"));
        return true;
    }

    /// Lines "8:0 Read 4096"; the last line is a total over all devices and kinds.
    static void add_up(const std::string& text, uint64_t& reads, uint64_t& writes) {
        for (const std::string_view line : split(text, '\n')) {
            const auto words = split(line, ' ');
            if (words.size() != 3) {
                continue;
            }
            const uint64_t value = parse_uint64(words[2]).value_or(0);
            if (words[1] == "Read") {
                reads += value;
            } else if (words[1] == "Write") {
                writes += value;
            }
        }
    }

    Layout layout_;
    std::string path_;
};

}  // namespace

std::unique_ptr<CgroupManager> make_v1_manager(const Layout& layout, std::string path) {
    return std::make_unique<V1Manager>(layout, std::move(path));
}

}  // namespace nau::runtime::cgroup
