// v2: one group with all controllers that its parents hand down.

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "base/scope_exit.h"
#include "runtime/cgroup/device_filter.h"
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
constexpr size_t kMaxFile = 1024 * 1024;

/// Wanted for figures and fairness even when no limit is set, if they can be had.
constexpr const char* kUsualControllers[] = {"cpu", "memory", "pids", "io"};

std::vector<std::string> read_words(const std::string& path) {
    std::vector<std::string> words;
    const auto text = sys::read_file_if_exists(path, kMaxFile);
    const std::string content = text.value_or("");  // what split() returns borrows it
    for (const std::string_view word : split(trim(content), ' ')) {
        if (!word.empty()) {
            words.emplace_back(word);
        }
    }
    return words;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

class V2Manager final : public CgroupManager {
  public:
    V2Manager(Layout layout, std::string path)
        : layout_(std::move(layout)), path_(std::move(path)) {}

    Mode mode() const noexcept override { return Mode::v2; }
    const Layout& layout() const noexcept override { return layout_; }
    Layout joined_layout() const override { return layout_; }
    const std::string& path() const noexcept override { return path_; }
    bool exists() const override { return sys::file_exists(directory()); }

    void create(const Resources& resources) override {
        const std::vector<LimitWrite> limits = plan_v2_limits(resources);
        const bool is_new = make_group(layout_.unified_mount, path_);
        ScopeExit undo([&]() noexcept {
            if (is_new) {
                (void)raw::unlinkat(AT_FDCWD, directory().c_str(), AT_REMOVEDIR);
            }
        });
        if (!is_new && has_processes_below(directory())) {
            throw Error(ErrorKind::in_use, "the control group {} has processes", directory());
        }
        enable_controllers(limits);
        for (const LimitWrite& limit : limits) {
            write_limit(directory(), limit);
        }
        if (!resources.devices.empty() && !permits_everything(resources.devices)) {
            attach_device_program(directory(), resources.devices);
        }
        undo.release();
    }

    void update(const Resources& resources) override {
        check_usage(resources);
        const std::vector<LimitWrite> limits = plan_v2_limits(resources);
        enable_controllers(limits);
        for (const LimitWrite& limit : limits) {
            write_limit(directory(), limit);
        }
    }

    JoinTargets open_join_targets() const override {
        JoinTargets targets;
        targets.clone_into = sys::open(directory(), O_PATH | O_DIRECTORY);
        return targets;
    }

    void add_process(pid_t pid) override {
        sys::write_existing(directory() + "/cgroup.procs", fmt::format("{}", pid));
    }

    std::vector<pid_t> processes() const override { return processes_below(directory()); }
    bool is_empty() const override {
        return read_keyed_number(directory() + "/cgroup.events", "populated") != uint64_t{1};
    }

    void kill_all() override {
        // Linux ≥ 5.14
        if (try_write(directory() + "/cgroup.kill", "1")) {
            return;
        }
        (void)try_write(directory() + "/cgroup.freeze", "1");
        kill_one_by_one(directory(), 1);
        (void)try_write(directory() + "/cgroup.freeze", "0");
        kill_one_by_one(directory(), kKillRounds);
    }

    void freeze() override {
        sys::write_existing(directory() + "/cgroup.freeze", "1");
        Backoff backoff(std::chrono::seconds(10));
        while (!is_frozen()) {
            if (!backoff.wait()) {
                throw Error(ErrorKind::timed_out, "freeze the control group {}", path_);
            }
        }
    }

    void thaw() override { (void)try_write(directory() + "/cgroup.freeze", "0"); }

    bool is_frozen() const override {
        return read_keyed_number(directory() + "/cgroup.events", "frozen") == uint64_t{1};
    }

    std::optional<MemoryFigures> memory() const override {
        const auto usage = read_number(directory() + "/memory.current");
        if (!usage) {
            return std::nullopt;
        }
        MemoryFigures figures;
        figures.usage_bytes = *usage;
        figures.peak_bytes = memory_peak_bytes();
        figures.limit_bytes = read_number(directory() + "/memory.max");
        figures.swap_bytes = read_number(directory() + "/memory.swap.current");
        figures.inactive_file_bytes =
            read_keyed_number(directory() + "/memory.stat", "inactive_file");
        return figures;
    }

    std::optional<uint64_t> memory_peak_bytes() const override {
        return read_number(directory() + "/memory.peak");  // Linux ≥ 5.19
    }

    std::optional<CpuFigures> cpu() const override {
        const KeyedFile stat(directory() + "/cpu.stat");
        if (!stat.find("usage_usec")) {
            return std::nullopt;
        }
        const auto microseconds = [&](const char* key) {
            return std::chrono::microseconds(static_cast<int64_t>(stat.get(key)));
        };
        CpuFigures figures;
        figures.total = microseconds("usage_usec");
        figures.user = microseconds("user_usec");
        figures.system = microseconds("system_usec");
        figures.periods = stat.get("nr_periods");
        figures.throttled_periods = stat.get("nr_throttled");
        figures.throttled = microseconds("throttled_usec");
        return figures;
    }

    std::optional<uint64_t> pids() const override {
        return read_number(directory() + "/pids.current");
    }

    std::optional<BlockIoFigures> block_io() const override {
        const auto text = sys::read_file_if_exists(directory() + "/io.stat", kMaxFile);
        if (!text) {
            return std::nullopt;
        }
        BlockIoFigures figures;
        for (const std::string_view line : split(*text, '\n')) {
            for (const std::string_view word : split(line, ' ')) {
                const auto parts = split_once(word, '=');
                if (!parts) {
                    continue;
                }
                const uint64_t value = parse_uint64(parts->second).value_or(0);
                figures.read_bytes += parts->first == "rbytes" ? value : 0;
                figures.written_bytes += parts->first == "wbytes" ? value : 0;
                figures.reads += parts->first == "rios" ? value : 0;
                figures.writes += parts->first == "wios" ? value : 0;
            }
        }
        return figures;
    }

    std::optional<uint64_t> oom_kill_count() const override {
        return read_keyed_number(directory() + "/memory.events", "oom_kill");
    }

    std::optional<OomWatch> watch_oom() const override {
        const int fd = raw::open((directory() + "/memory.events").c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return std::nullopt;
        }
        OomWatch watch{UniqueFd(fd), EPOLLPRI};
        watch.acknowledge();  // from here on it fires for changes only
        return watch;
    }

    void remove(std::chrono::milliseconds patience) override {
        if (try_remove_tree(directory())) {
            return;
        }
        kill_all();
        Backoff backoff(patience);
        while (!try_remove_tree(directory())) {
            if (!backoff.wait()) {
                throw Error(
                    ErrorKind::in_use, "the control group {} still has processes", directory());
            }
        }
    }

  private:
    std::string directory() const { return layout_.unified_mount + path_; }

    /// Asks every group on the way to hand the controllers down. What is only usual is tried, what
    /// a limit needs must succeed.
    void enable_controllers(const std::vector<LimitWrite>& limits) const {
        std::vector<std::string> wanted;
        const std::vector<std::string> have = read_words(directory() + "/cgroup.controllers");
        for (const LimitWrite& limit : limits) {
            if (!contains(have, limit.controller) && !contains(wanted, limit.controller) &&
                !is_core_file(limit)) {
                wanted.push_back(limit.controller);
            }
        }
        std::vector<std::string> usual;
        for (const char* controller : kUsualControllers) {
            if (!contains(have, controller) && !contains(wanted, controller) &&
                contains(layout_.unified_controllers, controller)) {
                usual.emplace_back(controller);
            }
        }
        if (wanted.empty() && usual.empty()) {
            return;
        }
        for (const std::string& controller : wanted) {
            if (!contains(layout_.unified_controllers, controller)) {
                throw Error(ErrorKind::unsupported,
                            "linux: resources: the {} controller is not available here",
                            controller)
                    .with_hint(fmt::format(
                        "it has to be in {}/cgroup.controllers: enabled in the kernel, and handed "
                        "down to this group (systemd: Delegate=yes)",
                        layout_.unified_mount));
            }
        }
        for (size_t slash = 0; slash != std::string::npos; slash = path_.find('/', slash + 1)) {
            enable_at(layout_.unified_mount + path_.substr(0, slash), wanted, usual);
        }
    }

    static bool is_core_file(const LimitWrite& limit) noexcept {
        return limit.controller == "cgroup";
    }

    static void enable_at(const std::string& group,
                          const std::vector<std::string>& wanted,
                          const std::vector<std::string>& usual) {
        const std::string file = group + "/cgroup.subtree_control";
        const std::vector<std::string> enabled = read_words(file);
        const auto enable = [&](const std::string& controller, bool is_needed) {
            if (contains(enabled, controller)) {
                return;
            }
            const int fd = raw::open(file.c_str(), O_WRONLY | O_CLOEXEC);
            long result = fd;
            if (fd >= 0) {
                const std::string word = "+" + controller;
                result = raw::write(fd, word.data(), word.size());
                raw::close(fd);
            }
            if (result < 0 && is_needed) {
                throw SysError(
                    static_cast<int>(-result), "enable the {} controller in {}", controller, file)
                    .with_hint(result == -EBUSY
                                   ? "the group has processes of its own; move them into a group "
                                     "below it"
                                   : "");
            }
        };
        for (const std::string& controller : wanted) {
            enable(controller, true);
        }
        for (const std::string& controller : usual) {
            enable(controller, false);
        }
    }

    /// resources.memory.checkBeforeUpdate: v2 would kill where v1 refuses.
    void check_usage(const Resources& resources) const {
        if (!resources.memory || !resources.memory->check_before_update.value_or(false) ||
            !resources.memory->limit || *resources.memory->limit < 0) {
            return;
        }
        const auto usage = read_number(directory() + "/memory.current");
        if (usage && *usage > static_cast<uint64_t>(*resources.memory->limit)) {
            throw Error(ErrorKind::invalid,
                        "linux: resources: memory: limit: {} is less than the {} bytes in use",
                        *resources.memory->limit,
                        *usage);
        }
    }

    Layout layout_;
    std::string path_;
};

}  // namespace

std::unique_ptr<CgroupManager> make_v2_manager(const Layout& layout, std::string path) {
    return std::make_unique<V2Manager>(layout, std::move(path));
}

}  // namespace nau::runtime::cgroup
