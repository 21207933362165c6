#include "runtime/launch.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/scope_exit.h"
#include "runtime/child.h"
#include "runtime/describe.h"
#include "runtime/handshake.h"
#include "runtime/hooks.h"
#include "runtime/id_maps.h"
#include "runtime/intel_rdt.h"
#include "runtime/net_devices.h"
#include "runtime/plan_builder.h"
#include "runtime/rootfs.h"
#include "runtime/seccomp_listener.h"
#include "sys/capabilities.h"
#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/pipe.h"
#include "sys/raw.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace nau::runtime {

namespace raw = sys::raw;
using sys::UniqueFd;

namespace {

HostFacts gather_facts(const oci::RuntimeSpec& spec, const cgroup::CgroupManager* group) {
    HostFacts facts;
    facts.last_capability = sys::last_capability();
    const bool mounts_cgroups =
        std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const oci::spec::Mount& mount) {
            return mount.type == "cgroup" || mount.type == "cgroup2";
        });
    if (mounts_cgroups) {
        facts.cgroup_layout = group != nullptr ? group->joined_layout() : cgroup::detect_layout();
    }
    if (group != nullptr) {
        facts.cgroup_path = group->path();
    }
    return facts;
}

/// The layers of an overlay are on the host, which the child has left when it mounts: it attaches
/// the finished mount as if it were a bind.
const MountStep* overlay_of(const InitPlan& plan, size_t source) {
    for (const MountStep& step : plan.mounts) {
        if (step.source == source) {
            return step.fs_type == "overlay" ? &step : nullptr;
        }
    }
    return nullptr;
}

/// A colon in a name stands behind a backslash, as overlayfs has it.
std::vector<std::string> split_layers(std::string_view text) {
    std::vector<std::string> layers(1);
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            layers.back() += text[++i];
        } else if (text[i] == ':') {
            layers.emplace_back();
        } else {
            layers.back() += text[i];
        }
    }
    return layers;
}

RootfsSpec overlay_spec(const InitPlan& plan, const BindSource& source, const MountStep& step) {
    RootfsSpec overlay;
    overlay.kind = RootfsKind::overlay;
    for (const FsParameter& parameter : step.parameters) {
        const std::string value = parameter.value.value_or("");
        if (parameter.key == "lowerdir") {
            overlay.lower_dirs = split_layers(value);
        } else if (parameter.key == "upperdir") {
            overlay.upper = value;
        } else if (parameter.key == "workdir") {
            overlay.work = value;
        } else if (parameter.key == "volatile") {
            overlay.is_volatile = true;
        }
    }
    if (source.id_map) {
        overlay.uid_map = id_map_text(plan.id_maps[*source.id_map].uids);
        overlay.gid_map = id_map_text(plan.id_maps[*source.id_map].gids);
    }
    return overlay;
}

/// Clones the trees that are to be bound. They are still peers of the host's mounts; the child sets
/// their propagation before it attaches them.
std::vector<UniqueFd> open_sources(const InitPlan& plan) {
    std::vector<UniqueFd> fds;
    fds.reserve(plan.sources.size());
    for (const BindSource& source : plan.sources) {
        if (const MountStep* step = overlay_of(plan, fds.size())) {
            fds.push_back(doing(source.member,
                                [&] { return open_rootfs(overlay_spec(plan, source, *step)); }));
            continue;
        }
        const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                               (source.is_recursive ? unsigned{AT_RECURSIVE} : 0U);
        const int fd = raw::open_tree(AT_FDCWD, source.path.c_str(), flags);
        if (fd < 0) {
            throw LaunchError(Step::prepare,
                              -fd,
                              fmt::format("{}: open the source {}", source.member, source.path));
        }
        fds.emplace_back(fd);
    }
    return fds;
}

sys::NamespaceKind kind_of_flag(int flag) {
    for (const sys::NamespaceKind kind : sys::kAllNamespaceKinds) {
        if (sys::clone_flag(kind) == flag) {
            return kind;
        }
    }
    throw Error(ErrorKind::internal, "{:#x} is no namespace flag", flag);
}

std::vector<UniqueFd> open_namespaces(const InitPlan& plan) {
    std::vector<UniqueFd> fds;
    fds.reserve(plan.namespaces.size());
    for (const NamespaceToJoin& ns : plan.namespaces) {
        fds.push_back(
            doing(ns.member, [&] { return sys::open_namespace(ns.path, kind_of_flag(ns.flag)); }));
    }
    return fds;
}

std::vector<int> borrow(const std::vector<UniqueFd>& fds) {
    std::vector<int> numbers;
    numbers.reserve(fds.size());
    for (const UniqueFd& fd : fds) {
        numbers.push_back(fd.get());
    }
    return numbers;
}

/// Namespaces that only a process's children can be in from their birth: pid and time. The caller
/// enters them for its children around clone3 and comes back.
class [[nodiscard]] NamespacesForChildren {
  public:
    NamespacesForChildren(const InitPlan& plan, std::vector<UniqueFd>& fds) {
        for (size_t i = 0; i < plan.namespaces.size(); ++i) {
            const int flag = plan.namespaces[i].flag;
            // With a user namespace to join, a process in between does it all.
            if (!plan.joins_user_namespace &&
                (flag == CLONE_NEWPID || flag == static_cast<int>(raw::kCloneNewTime))) {
                enter(flag, fds[i], plan.namespaces[i].member);
                fds[i].reset();
            }
        }
        if (!plan.time_offsets.empty()) {
            make_time_namespace(plan);
        }
    }
    ~NamespacesForChildren() { come_back(); }
    NamespacesForChildren(const NamespacesForChildren&) = delete;
    NamespacesForChildren& operator=(const NamespacesForChildren&) = delete;
    NamespacesForChildren(NamespacesForChildren&&) = delete;
    NamespacesForChildren& operator=(NamespacesForChildren&&) = delete;

    void come_back() noexcept {
        for (const auto& [flag, fd] : own_) {
            // Our own namespace is always open to us.
            (void)raw::setns(fd.get(), flag);
        }
        own_.clear();
    }

  private:
    void enter(int flag, const UniqueFd& fd, const std::string& member) {
        own_.emplace_back(flag, sys::open_own_namespace(kind_of_flag(flag)));
        if (const int result = raw::setns(fd.get(), flag); result < 0) {
            throw LaunchError(Step::join_namespace, -result, fmt::format("{}: join", member));
        }
    }

    /// The offsets must be written before the first process is in the namespace.
    void make_time_namespace(const InitPlan& plan) {
        constexpr int kFlag = static_cast<int>(raw::kCloneNewTime);
        own_.emplace_back(kFlag, sys::open_own_namespace(sys::NamespaceKind::time));
        if (const int result = raw::unshare(kFlag); result < 0) {
            throw LaunchError(Step::time_offsets, -result, "make a time namespace");
        }
        std::string lines;
        for (const TimeOffsetLine& line : plan.time_offsets) {
            lines += fmt::format("{} {} {}\n", line.clock, line.secs, line.nanosecs);
        }
        doing("linux: timeOffsets",
              [&] { sys::write_existing("/proc/self/timens_offsets", lines); });
    }

    std::vector<std::pair<int, UniqueFd>> own_;
};

/// Where this process's own command line lies in memory: fields 48 and 49 of /proc/self/stat.
std::pair<char*, size_t> own_arguments() {
    const std::string text = sys::read_file("/proc/self/stat", 4096);
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= text.size()) {
        return {nullptr, 0};
    }
    const auto fields = split(std::string_view(text).substr(name_end + 2), ' ');
    constexpr size_t kFirstField = 3;  // the state comes after the name
    constexpr size_t kArgStart = 48 - kFirstField;
    if (fields.size() <= kArgStart + 1) {
        return {nullptr, 0};
    }
    const auto start = parse_uint64(fields[kArgStart]);
    const auto end = parse_uint64(fields[kArgStart + 1]);
    if (!start || !end || *start == 0 || *end <= *start) {
        return {nullptr, 0};
    }
    return {reinterpret_cast<char*>(*start), static_cast<size_t>(*end - *start)};
}

/// spec.root.path as a detached mount, for callers that bring none.
UniqueFd open_spec_root(const LaunchOptions& options) {
    if (!options.spec->root || options.spec->root->path.empty()) {
        throw Error(ErrorKind::invalid, "root: path: is missing");
    }
    std::string path = options.spec->root->path;
    if (path.front() != '/') {
        if (options.bundle.empty()) {
            throw Error(ErrorKind::invalid, "root: path: '{}' is not absolute", path);
        }
        path = fmt::format("{}/{}", options.bundle, path);
    }
    return doing("root: path", [&] {
        return open_rootfs({.kind = RootfsKind::directory,
                            .path = path,
                            .lower_dirs = {},
                            .upper = {},
                            .work = {}});
    });
}

/// A caller's network namespace takes the place of whatever the spec says.
void use_network_namespace(InitPlan& plan) {
    plan.clone_flags &= ~uint64_t{CLONE_NEWNET};
    std::erase_if(plan.namespaces,
                  [](const NamespaceToJoin& ns) { return ns.flag == CLONE_NEWNET; });
    plan.namespaces.push_back({CLONE_NEWNET, "the prepared network namespace", "network"});
}

/// The mount namespace of the runtime is the host's: nothing is ever mounted there.
void refuse_own_mount_namespace(const InitPlan& plan, const std::vector<UniqueFd>& namespaces) {
    for (size_t i = 0; i < namespaces.size(); ++i) {
        if (plan.namespaces[i].flag != CLONE_NEWNS) {
            continue;
        }
        const UniqueFd own = sys::open_own_namespace(sys::NamespaceKind::mount);
        if (sys::namespace_id(own.get()) == sys::namespace_id(namespaces[i].get())) {
            throw Error(ErrorKind::invalid,
                        "{}: path: '{}' is the mount namespace of the host",
                        plan.namespaces[i].member,
                        plan.namespaces[i].path);
        }
    }
}

/// Kernels without the module take the label as a file that does not exist.
void require_label_modules(const InitPlan& plan) {
    const auto require =
        [](bool is_wanted, const char* sign, const char* module, const char* what) {
            if (is_wanted && !sys::file_exists(sign)) {
                throw Error(
                    ErrorKind::unsupported, "{}: this kernel runs without {}", what, module);
            }
        };
    require(!plan.process.apparmor_exec.empty(),
            "/sys/kernel/security/apparmor",
            "AppArmor",
            "process: apparmorProfile");
    require(!plan.process.selinux_exec.empty(),
            "/sys/fs/selinux/enforce",
            "SELinux",
            "process: selinuxLabel");
}

/// A hook's texts as execve takes them.
struct HookArguments {
    std::vector<HookInputs> inputs;
    std::vector<std::vector<char*>> pointers;

    explicit HookArguments(const std::vector<HookStep>& steps) {
        pointers.reserve(2 * steps.size());  // inputs point into it
        for (const HookStep& step : steps) {
            pointers.push_back(to_pointers(step.argv));
            char* const* argv = pointers.back().data();
            pointers.push_back(to_pointers(step.env));
            inputs.push_back({.path = step.path.c_str(),
                              .argv = argv,
                              .env = pointers.back().data(),
                              .timeout_s = step.timeout_s});
        }
    }
};

/// What hooks of the child read and write.
struct HookFiles {
    UniqueFd create_state;
    UniqueFd start_state;
    UniqueFd output;
};

/// Everything that is open between the plan and the clone.
struct Prepared {
    UniqueFd rootfs;  ///< only if the caller brought none
    std::vector<UniqueFd> sources;
    std::vector<UniqueFd> id_maps;
    std::vector<UniqueFd> namespaces;
    cgroup::JoinTargets groups;
    StdioSources stdio;
    std::vector<char*> argv;
    std::vector<char*> env;
};

/// Each bind source is a descriptor until the child has attached it.
class [[nodiscard]] OpenFileRoom {
  public:
    explicit OpenFileRoom(size_t count) {
        constexpr size_t kOthers = 128;
        (void)raw::prlimit(0, RLIMIT_NOFILE, nullptr, &own_);
        if (count + kOthers > own_.rlim_cur && own_.rlim_cur < own_.rlim_max) {
            const rlimit raised = {own_.rlim_max, own_.rlim_max};
            is_raised_ = raw::setrlimit(RLIMIT_NOFILE, raised) == 0;
        }
    }
    ~OpenFileRoom() {
        if (is_raised_) {
            (void)raw::setrlimit(RLIMIT_NOFILE, own_);  // lowering is always allowed
        }
    }
    OpenFileRoom(const OpenFileRoom&) = delete;
    OpenFileRoom& operator=(const OpenFileRoom&) = delete;
    OpenFileRoom(OpenFileRoom&&) = delete;
    OpenFileRoom& operator=(OpenFileRoom&&) = delete;

    const rlimit* to_restore() const noexcept { return is_raised_ ? &own_ : nullptr; }

  private:
    rlimit own_ = {};
    bool is_raised_ = false;
};

std::vector<UniqueFd> open_id_maps(const InitPlan& plan, const std::vector<UniqueFd>& namespaces) {
    std::vector<UniqueFd> fds;
    for (const IdMap& map : plan.id_maps) {
        if (!map.of_joined_namespace) {
            fds.push_back(make_mapping_namespace(map));
            continue;
        }
        const auto user = std::find_if(
            plan.namespaces.begin(), plan.namespaces.end(), [](const NamespaceToJoin& ns) {
                return ns.flag == CLONE_NEWUSER;
            });
        fds.push_back(namespaces[static_cast<size_t>(user - plan.namespaces.begin())].duplicate());
    }
    return fds;
}

/// By the parent: a child in a user namespace of its own has no power over the host's file systems.
void map_source_ids(const InitPlan& plan,
                    const std::vector<UniqueFd>& sources,
                    const std::vector<UniqueFd>& id_maps) {
    for (size_t i = 0; i < plan.sources.size(); ++i) {
        const BindSource& source = plan.sources[i];
        if (!source.id_map || overlay_of(plan, i) != nullptr) {
            continue;
        }
        const raw::MountAttr attributes = {
            .attr_set = MOUNT_ATTR_IDMAP,
            .attr_clr = 0,
            .propagation = 0,
            .userns_fd = static_cast<uint64_t>(id_maps[*source.id_map].get())};
        const int result = raw::mount_setattr(
            sources[i].get(), "", AT_EMPTY_PATH | (source.maps_all ? AT_RECURSIVE : 0), attributes);
        if (result < 0) {
            throw LaunchError(
                Step::mount_options,
                -result,
                fmt::format(
                    "{}: map the ids of {}{}",
                    source.member,
                    source.path,
                    result == -EINVAL ? " (its file system, or a mount below it, cannot)" : ""));
        }
    }
}

Prepared prepare(const LaunchOptions& options, InitPlan& plan) {
    Prepared prepared;
    require_label_modules(plan);
    if (options.rootfs_fd < 0) {
        prepared.rootfs = open_spec_root(options);
    }
    if (options.network_namespace_fd >= 0) {
        use_network_namespace(plan);
        const NamespaceToJoin given = plan.namespaces.back();
        plan.namespaces.pop_back();
        prepared.namespaces = open_namespaces(plan);
        plan.namespaces.push_back(given);
        prepared.namespaces.emplace_back(
            raw::fcntl(options.network_namespace_fd, F_DUPFD_CLOEXEC, 0));
    } else {
        prepared.namespaces = open_namespaces(plan);
    }
    refuse_own_mount_namespace(plan, prepared.namespaces);
    prepared.sources = open_sources(plan);
    prepared.id_maps = open_id_maps(plan, prepared.namespaces);
    map_source_ids(plan, prepared.sources, prepared.id_maps);
    if (options.cgroup != nullptr) {
        prepared.groups = options.cgroup->open_join_targets();
    }
    prepared.stdio = choose_stdio(options.stdio, plan.process.terminal);
    prepared.argv = to_pointers(plan.process.argv);
    prepared.env = to_pointers(plan.process.env);
    return prepared;
}

/// The parent's side of a start, from clone3 on.
class Start {
  public:
    Start(const LaunchOptions& options, const InitPlan& plan, Prepared& prepared)
        : options_(options),
          plan_(plan),
          prepared_(prepared),
          sockets_(sys::socketpair(SOCK_SEQPACKET)),
          create_hooks_(plan.create_container_hooks),
          start_hooks_(plan.start_container_hooks) {
        answers_.environment = [this] { complete_environment(); };
        answers_.listener = [this](UniqueFd listener) {
            send_seccomp_listener(
                *plan_.process.seccomp, state("creating"), pid(), std::move(listener));
        };
    }

    /// In the child it does not return.
    void clone(const OpenFileRoom& room) {
        open_hook_files();
        const std::vector<int> tasks = borrow(prepared_.groups.tasks_files);
        NamespacesForChildren for_children(plan_, prepared_.namespaces);
        const std::vector<int> sources = borrow(prepared_.sources);
        const std::vector<int> namespaces = borrow(prepared_.namespaces);
        const std::vector<int> id_maps = borrow(prepared_.id_maps);
        ChildInputs inputs = lay_out();
        inputs.cgroup_tasks = tasks.data();
        inputs.cgroup_tasks_count = tasks.size();
        inputs.sources = sources.data();
        inputs.namespaces = namespaces.data();
        inputs.id_maps = id_maps.data();
        inputs.open_files = room.to_restore();
        Cloned cloned = clone_process(plan_.joins_user_namespace ? 0 : plan_.clone_flags,
                                      prepared_.groups.clone_into.get());
        if (cloned.pid == 0) {
            if (plan_.joins_user_namespace) {
                run_joining_child(plan_, inputs);
            }
            run_init_child(plan_, inputs);
        }
        child_.emplace(cloned.pid, std::move(cloned.pidfd));  // kills and reaps if we fail
        for_children.come_back();
        sockets_.second.reset();
    }

    /// Until the command runs, or waits for its start.
    LaunchedTask finish(std::vector<std::string> warnings) {
        if (plan_.new_user_namespace) {
            write_id_maps(child_->pid(), plan_.uid_mappings, plan_.gid_mappings, "linux");
            say_proceed(sockets_.first.get());
        }
        if (plan_.joins_user_namespace) {
            replace_by_fork();
        }
        HandshakeResult result = handshake();
        LaunchedTask task;
        task.pid = pid();
        task.start_time = start_time_of(pid());
        task.console = std::move(result.console);
        task.warnings = std::move(warnings);
        task.warnings.insert(task.warnings.end(), result.warnings.begin(), result.warnings.end());
        if (options_.before_start && result.is_waiting) {
            options_.before_start(task);
            say_proceed(sockets_.first.get());
            if (options_.start_fifo_fd < 0) {
                (void)handshake();
            }
        }
        task.pidfd = child_->detach();
        return task;
    }

  private:
    pid_t pid() const noexcept { return child_->pid(); }

    ContainerState state(const char* status) const {
        return {.id = options_.id,
                .status = status,
                .pid = child_ ? pid() : 0,
                .bundle = options_.bundle,
                .annotations = options_.spec->annotations};
    }

    HandshakeResult handshake() {
        try {
            return read_handshake(
                sockets_.first.get(),
                *child_,
                [this](Step step, uint32_t object) { return describe_step(plan_, step, object); },
                answers_);
        } catch (LaunchError& error) {
            if (error.step() == Step::hooks) {
                append_hook_output(error);
            }
            throw;
        }
    }

    /// What a failed hook of the child had to say; a hook may have printed without end.
    void append_hook_output(LaunchError& error) const {
        constexpr size_t kKept = 1024;
        char buffer[kKept];
        const int64_t end = files_.output ? raw::lseek(files_.output.get(), 0, SEEK_END) : 0;
        const long size = end > 0 ? raw::pread(files_.output.get(),
                                               buffer,
                                               sizeof buffer,
                                               std::max<int64_t>(0, end - int64_t{kKept}))
                                  : 0;
        std::string text(trim(std::string_view(buffer, static_cast<size_t>(std::max(0L, size)))));
        std::replace(text.begin(), text.end(), '\n', ' ');
        if (!text.empty()) {
            error.append(": " + text);
        }
    }

    void open_hook_files() {
        if (!create_hooks_.inputs.empty() || !start_hooks_.inputs.empty()) {
            files_.create_state = sys::memfd_create("state", 0);
            files_.start_state = sys::memfd_create("state", 0);
            files_.output = sys::memfd_create("output", 0);
        }
    }

    /// With the pid in them, which nobody knew before.
    void write_hook_files() {
        if (files_.create_state) {
            sys::pwrite_all(files_.create_state.get(), to_json_text(state("creating")), 0);
            sys::pwrite_all(files_.start_state.get(), to_json_text(state("created")), 0);
        }
    }

    ChildInputs lay_out() {
        ChildInputs inputs;
        inputs.sync = sockets_.second.get();
        inputs.parent_sync = sockets_.first.get();
        std::copy(std::begin(prepared_.stdio.fds), std::end(prepared_.stdio.fds), inputs.stdio);
        inputs.preserved = options_.preserved_fds.data();
        inputs.preserved_count = options_.preserved_fds.size();
        inputs.argv = prepared_.argv.data();
        inputs.env = prepared_.env.data();
        inputs.kill_with_parent = options_.kill_with_parent;
        inputs.rootfs = options_.rootfs_fd >= 0 ? options_.rootfs_fd : prepared_.rootfs.get();
        inputs.start_fifo = options_.start_fifo_fd;
        inputs.awaits_record = static_cast<bool>(options_.before_start);
        if (options_.init) {
            std::tie(inputs.own_arguments, inputs.own_arguments_size) = own_arguments();
        }
        inputs.awaits_environment = plan_.pivots_late || !plan_.net_devices.empty() ||
                                    !start_hooks_.inputs.empty() ||
                                    options_.spec->linux_.intel_rdt.has_value();
        inputs.create_hooks = create_hooks_.inputs.data();
        inputs.create_hook_count = create_hooks_.inputs.size();
        inputs.start_hooks = start_hooks_.inputs.data();
        inputs.start_hook_count = start_hooks_.inputs.size();
        inputs.hook_state = files_.create_state.get();
        inputs.start_hook_state = files_.start_state.get();
        inputs.hook_output = files_.output.get();
        inputs.hook_directory = options_.bundle.empty() ? "/" : options_.bundle.c_str();
        inputs.joins_user_namespace = plan_.joins_user_namespace;
        inputs.clone_flags = plan_.clone_flags;
        return inputs;
    }

    /// In a joined user namespace the first process only forks the one that counts.
    void replace_by_fork() {
        answers_.stops_at_process = true;
        HandshakeResult result = handshake();
        answers_.stops_at_process = false;
        (void)child_->wait();
        child_.emplace(std::move(*result.process));
        say_proceed(sockets_.first.get());
    }

    void complete_environment() {
        if (!plan_.net_devices.empty()) {
            move_net_devices(plan_.net_devices, network_namespace());
        }
        if (options_.spec->linux_.intel_rdt) {
            join_intel_rdt(*options_.spec->linux_.intel_rdt, options_.id, pid());
        }
        write_hook_files();
        run_hooks(options_.spec->hooks.prestart, "prestart", state("creating"));
        run_hooks(options_.spec->hooks.create_runtime, "createRuntime", state("creating"));
    }

    UniqueFd network_namespace() const {
        return sys::open_namespace_of(pid(), sys::NamespaceKind::network);
    }

    const LaunchOptions& options_;
    const InitPlan& plan_;
    Prepared& prepared_;
    sys::SocketPair sockets_;
    HookArguments create_hooks_;
    HookArguments start_hooks_;
    HookFiles files_;
    HandshakeAnswers answers_;
    std::optional<sys::Child> child_;
};

}  // namespace

LaunchedTask launch(const LaunchOptions& options) {
    if (options.spec == nullptr) {
        throw Error(ErrorKind::internal, "launch without a spec");
    }
    assert_single_threaded();
    InitPlan plan =
        build_init_plan(*options.spec,
                        {.id = options.id, .bundle = options.bundle, .init = options.init},
                        gather_facts(*options.spec, options.cgroup));
    if (options.keeps_keyring) {
        plan.keyring_name.clear();
    }
    std::vector<std::string> warnings = clamp_rlimits(plan.process);
    const OpenFileRoom room(plan.sources.size());
    Prepared prepared = prepare(options, plan);
    Start start(options, plan, prepared);
    start.clone(room);
    return start.finish(std::move(warnings));
}

}  // namespace nau::runtime
