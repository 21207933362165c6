#include <algorithm>
#include <linux/nsfs.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "monitor/launcher.h"
#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/exec.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::monitor {

namespace {

namespace cgroup = runtime::cgroup;

constexpr size_t kMaxSpec = 16 * 1024 * 1024;

bool has_own_pid_namespace(const oci::RuntimeSpec& spec) {
    return std::ranges::any_of(spec.linux_.namespaces,
                               [](const auto& ns) { return ns.type == "pid" && ns.path.empty(); });
}

/// The "process" object alone, as an exec session brings it.
oci::spec::Process parse_process(std::string_view text) {
    json::Value spec = {{"ociVersion", oci::kRuntimeSpecVersion}};
    spec["process"] = json::parse(text, "process");
    auto process = oci::runtime_spec_from_json(spec, "exec").process;
    if (!process) {
        throw Error(ErrorKind::corrupt, "exec: has no process");
    }
    return *std::move(process);
}

/// The uid that a user of the container is outside; nullopt when it has none.
std::optional<uid_t> host_uid(const oci::RuntimeSpec& spec, uint32_t uid) {
    if (spec.linux_.uid_mappings.empty()) {
        return uid;
    }
    for (const auto& range : spec.linux_.uid_mappings) {
        if (uid >= range.container_id && uid - range.container_id < range.size) {
            return range.host_id + (uid - range.container_id);
        }
    }
    return std::nullopt;
}

/// The pipes belong to whom the process belongs to, so that it can open /dev/stdout.
void give_pipes_to(const runtime::StdioFds& stdio, std::optional<uid_t> owner) noexcept {
    for (const int fd : {stdio.in, stdio.out, stdio.err}) {
        if (fd >= 0 && owner && *owner != 0) {
            (void)!::fchown(fd, *owner, static_cast<gid_t>(-1));  // without it open fails, no more
        }
    }
}

/// The size is there before the command can ask for it.
void set_console_size(oci::spec::Process& process, WindowSize window) {
    if (process.terminal && window != WindowSize{}) {
        process.console_size =
            oci::spec::ConsoleSize{.height = window.rows, .width = window.columns};
    }
}

class RuntimeLauncher final : public Launcher {
  public:
    void warm_up() noexcept override {
        try {
            layout_ = cgroup::detect_layout();
        } catch (const std::exception&) {
            layout_.reset();  // tried again when it matters
        }
    }

    void prepare(const MonitorConfig& config) override {
        const std::string path = config.spec_path.string();
        spec_ = oci::parse_runtime_spec(
            config.spec_text.empty() ? sys::read_file(path, kMaxSpec) : config.spec_text,
            config.spec_text.empty() ? path : "config.json");
        is_exec_ = config.exec.has_value();
        outlives_init_ = !is_exec_ && !has_own_pid_namespace(*spec_);
        if (!layout_) {
            layout_ = cgroup::detect_layout();
        }
        const std::string group =
            config.cgroup_path.empty() ? spec_->linux_.cgroups_path : config.cgroup_path;
        if (group.empty() || layout_->mode == cgroup::Mode::none) {
            return;
        }
        cgroup_ = cgroup::open_cgroup(*layout_, group);
        if (!is_exec_) {
            owns_cgroup_ = true;
            cgroup_->create(spec_->linux_.resources.value_or(oci::spec::Resources{}));
        }
    }

    runtime::LaunchedTask launch(const LaunchRequest& request) override {
        runtime::LaunchedTask task = is_exec_ ? launch_exec(request) : launch_container(request);
        spec_.reset();
        layout_.reset();
        return task;
    }

    std::string cgroup_path() const override { return cgroup_ ? cgroup_->path() : std::string(); }

    runtime::LaunchedTask launch_inside(const InsideRequest& request) override {
        const oci::RuntimeSpec spec = oci::parse_runtime_spec(request.spec_text, "config.json");
        if (!spec.process) {
            throw Error(ErrorKind::invalid, "the container has no process");
        }
        oci::spec::Process process = *spec.process;
        process.args = request.argv;
        process.terminal = false;
        process.console_size.reset();
        give_pipes_to(request.stdio, host_uid(spec, process.user.uid));
        // Opened anew: the caller has closed all descriptors.
        std::unique_ptr<cgroup::CgroupManager> group;
        if (cgroup_) {
            group = cgroup::open_cgroup(cgroup::detect_layout(), cgroup_->path());
        }
        runtime::ExecOptions options;
        options.target = request.target;
        options.id = request.config->id;
        options.process = &process;
        options.spec = &spec;
        options.stdio = request.stdio;
        options.cgroup = group.get();
        options.kill_with_parent = true;
        return runtime::exec_in(options);
    }

    bool is_frozen() noexcept override {
        bool is_frozen = false;
        if (cgroup_) {
            quietly("freezer", [&] { is_frozen = cgroup_->is_frozen(); });
        }
        return is_frozen;
    }

    void kill_rest() noexcept override {
        // With a pid namespace of its own the kernel has killed all when its init ended.
        if (outlives_init_ && owns_cgroup_) {
            quietly("kill the rest", [&] { cgroup_->kill_all(); });
        }
    }

    TaskFigures figures() noexcept override {
        TaskFigures figures;
        if (cgroup_ && !is_exec_) {
            quietly("figures", [&] {
                figures.oom_killed = cgroup_->oom_kill_count().value_or(0) > 0;
                figures.memory_peak_bytes = cgroup_->memory_peak_bytes();
                if (const auto cpu = cgroup_->cpu()) {
                    figures.cpu_ns = static_cast<uint64_t>(cpu->total.count());
                }
                if (const auto io = cgroup_->block_io()) {
                    figures.io_read_bytes = io->read_bytes;
                    figures.io_written_bytes = io->written_bytes;
                }
            });
        }
        return figures;
    }

    void tear_down() noexcept override {
        if (owns_cgroup_) {
            owns_cgroup_ = false;
            quietly("remove the control groups", [&] { cgroup_->remove(); });
        }
    }

  private:
    /// A network that was made for the container belongs to the user namespace that it is to have,
    /// which then exists already: it is joined instead of made.
    void use_owner_of_network(int network_namespace_fd) {
        for (auto& ns : spec_->linux_.namespaces) {
            if (ns.type == "user" && ns.path.empty()) {
                const int owner = sys::raw::ioctl(network_namespace_fd, NS_GET_USERNS);
                if (owner < 0) {
                    throw SysError(-owner, "find the user namespace of the network");
                }
                user_namespace_ = sys::UniqueFd(owner);
                ns.path = fmt::format("/proc/self/fd/{}", owner);
            }
        }
    }

    runtime::LaunchedTask launch_container(const LaunchRequest& request) {
        const MonitorConfig& config = *request.config;
        if (request.network_namespace_fd >= 0) {
            for (auto& ns : spec_->linux_.namespaces) {
                if (ns.type == "network") {
                    ns.path = fmt::format("/proc/self/fd/{}", request.network_namespace_fd);
                }
            }
            use_owner_of_network(request.network_namespace_fd);
        }
        if (spec_->process) {
            if (config.log.driver != LogDriver::passthrough) {  // which are the caller's
                give_pipes_to(request.stdio, host_uid(*spec_, spec_->process->user.uid));
            }
            set_console_size(*spec_->process, config.window);
        }
        runtime::LaunchOptions options;
        options.spec = &*spec_;
        options.id = config.id;
        options.rootfs_fd = request.rootfs_fd;
        options.bundle = !config.bundle.empty() ? config.bundle.string()
                                                : config.spec_path.parent_path().string();
        options.stdio = request.stdio;
        options.preserved_fds = request.preserved_fds;
        options.cgroup = cgroup_.get();
        options.init = config.init;
        return runtime::launch(options);
    }

    runtime::LaunchedTask launch_exec(const LaunchRequest& request) {
        const ExecConfig& exec = *request.config->exec;
        oci::spec::Process process = parse_process(exec.process_json);
        set_console_size(process, request.config->window);
        give_pipes_to(request.stdio, host_uid(*spec_, process.user.uid));
        runtime::ExecOptions options;
        options.target = exec.target;
        options.id = request.config->id;
        options.process = &process;
        options.spec = &*spec_;
        options.stdio = request.stdio;
        options.preserved_fds = request.preserved_fds;
        options.cgroup = cgroup_.get();
        return runtime::exec_in(options);
    }

    template <typename Action>
    static void quietly(std::string_view what, Action&& action) noexcept {
        try {
            action();
        } catch (const std::exception& error) {
            NAU_LOG_WARN("{}: {}, ignoring", what, error.what());
        }
    }

    std::optional<cgroup::Layout> layout_;
    std::optional<oci::RuntimeSpec> spec_;
    std::unique_ptr<cgroup::CgroupManager> cgroup_;
    sys::UniqueFd user_namespace_;
    bool owns_cgroup_ = false;
    bool is_exec_ = false;
    /// Other processes of the task may outlive its first one.
    bool outlives_init_ = false;
};

}  // namespace

std::unique_ptr<Launcher> make_runtime_launcher() {
    return std::make_unique<RuntimeLauncher>();
}

}  // namespace nau::monitor
