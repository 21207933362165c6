#include "engine/oci_runtime/create_container.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/scope_exit.h"
#include "base/time.h"
#include "engine/oci_runtime/cgroup_path.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/delete_container.h"
#include "engine/oci_runtime/foreground.h"
#include "engine/oci_runtime/hook_state.h"
#include "engine/oci_runtime/launch_words.h"
#include "engine/oci_runtime/status.h"
#include "engine/oci_runtime/update_container.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/launch.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/prctl.h"

namespace nau::engine::oci_runtime {

namespace cgroup = runtime::cgroup;

namespace {

constexpr size_t kMaxSpec = 16 * 1024 * 1024;

/// The bundle and what stands in it, checked as far as that is possible without the kernel.
struct Bundle {
    std::string path;
    std::string rootfs;
    std::string spec_text;
    oci::RuntimeSpec spec;
};

std::string absolute_directory(const std::string& path) {
    char resolved[PATH_MAX];
    if (::realpath(path.empty() ? "." : path.c_str(), resolved) == nullptr) {
        throw SysError(errno, "open the bundle {}", path);
    }
    return resolved;
}

/// What every container may use, whatever the rules say: the devices of its own /dev, and making
/// nodes (runtime-spec, config-linux.md, "Default Devices").
void allow_default_devices(oci::RuntimeSpec& spec) {
    auto& resources = spec.linux_.resources;
    if (!resources || resources->devices.empty()) {
        return;
    }
    auto& rules = resources->devices;
    const auto allow = [&](const char* type,
                           std::optional<int64_t> major,
                           std::optional<int64_t> minor,
                           const char* access) {
        rules.push_back(
            {.allow = true, .type = type, .major = major, .minor = minor, .access = access});
    };
    allow("c", {}, {}, "m");
    allow("b", {}, {}, "m");
    for (const int64_t minor : {3, 5, 7, 8, 9}) {  // null zero full random urandom
        allow("c", 1, minor, "rwm");
    }
    allow("c", 5, 0, "rwm");     // tty
    allow("c", 5, 2, "rwm");     // ptmx
    allow("c", 136, {}, "rwm");  // pts
}

/// A FIFO in its place would be waited for.
std::string read_spec_file(const std::string& path) {
    const sys::UniqueFd fd = sys::open(path, O_RDONLY | O_NONBLOCK);
    struct ::stat status = {};
    if (::fstat(fd.get(), &status) != 0) {
        throw SysError(errno, "stat {}", path);
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error(ErrorKind::invalid, "{} is no regular file", path);
    }
    return sys::read_fd(fd.get(), kMaxSpec);
}

Bundle read_bundle(const std::string& directory) {
    Bundle bundle;
    bundle.path = absolute_directory(directory);
    const std::string file = bundle.path + "/config.json";
    bundle.spec_text = read_spec_file(file);
    bundle.spec = oci::parse_runtime_spec(bundle.spec_text, "config.json");
    if (!bundle.spec.process || bundle.spec.process->args.empty()) {
        throw Error(ErrorKind::invalid, "config.json: process: args: is missing or empty");
    }
    if (!bundle.spec.root || bundle.spec.root->path.empty()) {
        throw Error(ErrorKind::invalid, "config.json: root: path: is missing");
    }
    const std::string& root = bundle.spec.root->path;
    bundle.rootfs = root.front() == '/' ? root : fmt::format("{}/{}", bundle.path, root);
    if (auto& resources = bundle.spec.linux_.resources) {
        drop_unsaid(*resources);
    }
    allow_default_devices(bundle.spec);
    if (!sys::is_directory(bundle.rootfs)) {
        throw Error(ErrorKind::not_found,
                    "config.json: root: path: {}: no such file or directory",
                    bundle.rootfs);
    }
    return bundle;
}

ContainerState describe(const CreateOptions& options, const Bundle& bundle) {
    ContainerState state;
    state.id = options.id;
    state.oci_version = bundle.spec.oci_version;
    state.bundle = bundle.path;
    state.rootfs = bundle.rootfs;
    state.created = format_rfc3339(SystemClock().now());
    state.owner_uid = ::geteuid();
    state.annotations = bundle.spec.annotations;
    state.boot_id = sys::boot_id();
    const auto& namespaces = bundle.spec.linux_.namespaces;
    state.has_own_pid_namespace = std::any_of(namespaces.begin(), namespaces.end(), [](auto& ns) {
        return ns.type == "pid" && ns.path.empty();
    });
    return state;
}

/// One container on its way: what exists is undone in the destructor until commit().
class Creation {
  public:
    explicit Creation(const CreateOptions& options)
        : options_(options),
          directory_(options.root, options.id),
          bundle_(read_bundle(options.bundle)) {
        check_terminal(options.io, bundle_.spec.process->terminal);
        preserved_ = preserved_fds(options.io, *bundle_.spec.process);
    }
    ~Creation() {
        if (lock_ && !is_committed_) {
            undo();
        }
    }
    Creation(const Creation&) = delete;
    Creation& operator=(const Creation&) = delete;
    Creation(Creation&&) = delete;
    Creation& operator=(Creation&&) = delete;

    /// The process runs, or waits at the FIFO when `waits`.
    runtime::LaunchedTask start(bool waits) {
        lock_ = directory_.create();
        state_ = describe(options_, bundle_);
        make_groups(waits);
        directory_.write_spec(bundle_.spec_text);
        if (waits) {
            make_fifo();
        }
        return launch();
    }

    /// From now on the container belongs to whoever comes next.
    void commit() noexcept {
        is_committed_ = true;
        fifo_.reset();
        if (lock_) {
            lock_->unlock();
        }
    }

    const ContainerDir& directory() const noexcept { return directory_; }
    const ContainerState& state() const noexcept { return state_; }
    const oci::RuntimeSpec& spec() const noexcept { return bundle_.spec; }

  private:
    void make_groups(bool is_for_engine) {
        cgroup::Layout layout = cgroup::detect_layout();
        // An engine that creates and starts apart reads the figures itself; run is for people.
        layout.joins_accounting = is_for_engine;
        const auto place = choose_cgroup(bundle_.spec, options_.id, layout, options_.by_systemd);
        state_.cgroup_path = place.path;
        state_.systemd_scope = place.systemd_scope;
        directory_.write_state(state_);
        NAU_FAIL_POINT("oci_runtime.create.before_groups");
        if (place.path.empty()) {
            return;
        }
        groups_ = cgroup::open_cgroup(layout, place.path);
        try {
            groups_->create(bundle_.spec.linux_.resources.value_or(oci::spec::Resources{}));
        } catch (const Error& error) {
            // A user without a group of its own can have a container without limits.
            if (error.kind() != ErrorKind::permission_denied || ::geteuid() == 0 ||
                !bundle_.spec.linux_.cgroups_path.empty()) {
                throw;
            }
            NAU_LOG_DEBUG("no control groups: {}", error.what());
            groups_.reset();
            state_.cgroup_path.clear();
            directory_.write_state(state_);
        }
        NAU_FAIL_POINT("oci_runtime.create.after_groups");
    }

    void make_fifo() {
        const std::string path = directory_.fifo_path();
        if (::mkfifo(path.c_str(), 0600) != 0) {
            throw SysError(errno, "make {}", path);
        }
        fifo_ = sys::open(path, O_RDWR | O_NOFOLLOW);
    }

    runtime::LaunchedTask launch() {
        add_home(*bundle_.spec.process, sys::DirFd::open_root(bundle_.rootfs));
        runtime::LaunchOptions launch;
        launch.spec = &bundle_.spec;
        launch.id = options_.id;
        launch.keeps_keyring = options_.keeps_keyring;
        launch.bundle = bundle_.path;
        launch.stdio = own_stdio(bundle_.spec, *bundle_.spec.process);
        launch.preserved_fds = preserved_;
        launch.cgroup = groups_.get();
        launch.start_fifo_fd = fifo_.get();
        launch.before_start = [this](runtime::LaunchedTask& task) { record(task); };
        return in_engine_words(*bundle_.spec.process, [&] { return runtime::launch(launch); });
    }

    void record(runtime::LaunchedTask& task) {
        NAU_FAIL_POINT("oci_runtime.create.before_record");
        state_.init = {.pid = task.pid, .start_time = task.start_time};
        directory_.write_state(state_);
        NAU_FAIL_POINT("oci_runtime.create.after_record");
        for (const std::string& warning : task.warnings) {
            NAU_LOG_WARN("{}, ignoring", warning);
        }
        if (!options_.io.pid_file.empty()) {
            write_pid_file(options_.io.pid_file, task.pid);
            has_pid_file_ = true;
        }
        if (!options_.io.console_socket.empty()) {
            send_console(options_.io.console_socket, task.console.get());
        }
    }

    void undo() noexcept {
        try {
            fifo_.reset();
            if (has_pid_file_) {
                (void)sys::unlink_if_exists(options_.io.pid_file);
            }
            if (groups_) {
                groups_->remove();
            }
            directory_.remove();
        } catch (const std::exception& error) {
            NAU_LOG_WARN("removing what the failed create has made: {}, ignoring", error.what());
        }
    }

    const CreateOptions& options_;
    ContainerDir directory_;
    Bundle bundle_;
    std::vector<int> preserved_;
    std::optional<sys::FileLock> lock_;
    ContainerState state_;
    std::unique_ptr<cgroup::CgroupManager> groups_;
    sys::UniqueFd fifo_;
    bool has_pid_file_ = false;
    bool is_committed_ = false;
};

}  // namespace

void create_container(const CreateOptions& options) {
    Creation creation(options);
    const runtime::LaunchedTask task = creation.start(true);
    NAU_FAIL_POINT("oci_runtime.create.before_commit");
    creation.commit();
}

int run_container(const RunOptions& options) {
    if (!options.create.io.is_detached && options.is_subreaper) {
        sys::set_child_subreaper(true);
    }
    Creation creation(options.create);
    Foreground foreground;
    if (!options.create.io.is_detached) {
        foreground.block_signals();
    }
    runtime::LaunchedTask task = creation.start(false);
    run_poststart_hooks(creation.spec(), creation.state());
    creation.commit();
    if (options.create.io.is_detached) {
        return 0;
    }
    const int status = foreground.watch(std::move(task));
    if (!options.keeps_container) {
        finish_container(creation.directory(), creation.state(), creation.spec());
    }
    return status;
}

}  // namespace nau::engine::oci_runtime
