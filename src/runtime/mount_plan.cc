#include "runtime/mount_plan.h"

#include <algorithm>
#include <array>
#include <linux/mount.h>
#include <optional>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <utility>

#include <fmt/core.h>

#include "runtime/mount_options.h"
#include "runtime/spec_error.h"

namespace nau::runtime {

namespace {

using cgroup::Hierarchy;
using oci::RuntimeSpec;

bool is_below(std::string_view path, std::string_view directory) noexcept {
    return path.size() > directory.size() && path.substr(0, directory.size()) == directory &&
           path[directory.size()] == '/';
}

bool is_at_or_below(std::string_view path, std::string_view directory) noexcept {
    return path == directory || is_below(path, directory);
}

/// Single files of procfs that may be covered: what lxcfs and the like replace. Anything else there
/// could redirect the runtime's own writes or the kernel's answers (CVE-2019-16884).
constexpr std::array<std::string_view, 10> kCoverableProcFiles = {"proc/cpuinfo",
                                                                  "proc/diskstats",
                                                                  "proc/meminfo",
                                                                  "proc/stat",
                                                                  "proc/swaps",
                                                                  "proc/uptime",
                                                                  "proc/loadavg",
                                                                  "proc/slabinfo",
                                                                  "proc/sys/kernel/ns_last_pid",
                                                                  "proc/sys/crypto/fips_enabled"};

class MountPlanner {
  public:
    MountPlanner(const RuntimeSpec& spec,
                 const PlanOptions& options,
                 const HostFacts& facts,
                 const OwnNamespaces& own,
                 InitPlan& plan)
        : spec_(spec), options_(options), facts_(facts), own_(own), plan_(plan) {}

    void plan_all() {
        for (size_t i = 0; i < spec_.mounts.size(); ++i) {
            plan_one(spec_.mounts[i], fmt::format("mounts[{}]", i));
        }
    }

  private:
    void plan_one(const oci::spec::Mount& mount, const std::string& member) {
        MountOptions options = parse_mount_options(mount.options);
        MountStep step = make_step(mount, options, member);
        if (options.is_remount) {
            add_remount(mount, std::move(options), std::move(step));
        } else if (options.is_bind || mount.type == "bind") {
            add_bind(mount, options, std::move(step));
        } else if (mount.type == "overlay") {
            add_overlay(mount, options, std::move(step));
        } else if (mount.type == "cgroup" || mount.type == "cgroup2") {
            add_cgroup(options, std::move(step));
        } else {
            add_filesystem(mount, std::move(options), std::move(step));
        }
    }

    MountStep make_step(const oci::spec::Mount& mount,
                        const MountOptions& options,
                        const std::string& member) const {
        if (mount.destination.empty()) {
            fail(member, "destination: is empty");
        }
        MountStep step;
        step.member = member;
        // Relative destinations are deprecated but allowed: relative to the root.
        step.target = clean_container_path(mount.destination);
        if (step.target.empty()) {
            fail(member, "destination: the root itself cannot be covered");
        }
        step.propagation = options.propagation;
        step.propagation_all = options.propagation_all;
        step.copy_up = options.copy_up;
        step.no_symlinks = is_at_or_below(step.target, "proc") ||
                           is_at_or_below(step.target, "sys") || is_at_or_below(step.target, "dev");
        if (is_below(step.target, "proc")) {
            if (std::find(kCoverableProcFiles.begin(), kCoverableProcFiles.end(), step.target) ==
                kCoverableProcFiles.end()) {
                fail(member, fmt::format("destination: '/{}' may not be covered", step.target));
            }
            step.may_cover_procfs = true;
        }
        return step;
    }

    std::string resolve_source(const std::string& source, const std::string& member) const {
        if (source.empty()) {
            fail(member, "source: is empty");
        }
        if (source.front() == '/') {
            return source;
        }
        if (options_.bundle.empty()) {
            fail(member, fmt::format("source: '{}' is not absolute", source));
        }
        return fmt::format("{}/{}", options_.bundle, source);
    }

    /// Flags of the file system, which a bind mount shares with others and cannot change: mount(2)
    /// ignores them there.
    static bool is_ignored_by_binds(const FsParameter& parameter) noexcept {
        return !parameter.value && (parameter.key == "sync" || parameter.key == "dirsync" ||
                                    parameter.key == "lazytime");
    }

    static void refuse_parameters_of_bind(const MountOptions& options, const std::string& member) {
        for (const FsParameter& parameter : options.parameters) {
            if (!is_ignored_by_binds(parameter)) {
                fail(member,
                     fmt::format("options: '{}' is unknown for a bind mount", parameter.key));
            }
        }
    }

    /// The mappings of the mount itself, or else (the words idmap and ridmap alone) those of the
    /// container's user namespace.
    std::optional<size_t> add_id_map(const oci::spec::Mount& mount,
                                     const MountOptions& options,
                                     const std::string& member) {
        if (!options.idmap && mount.uid_mappings.empty() && mount.gid_mappings.empty()) {
            return std::nullopt;
        }
        if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
            fail(member, "uidMappings and gidMappings are only good together");
        }
        IdMap map{.uids = mount.uid_mappings, .gids = mount.gid_mappings, .member = member};
        if (mount.uid_mappings.empty() && (own_.joined & CLONE_NEWUSER) != 0) {
            map.of_joined_namespace = true;
        } else if (mount.uid_mappings.empty()) {
            if (!plan_.new_user_namespace) {
                fail(member, "options: 'idmap' needs uidMappings and gidMappings");
            }
            map.uids = plan_.uid_mappings;
            map.gids = plan_.gid_mappings;
        }
        check_mappings(map.uids, member + ": uidMappings");
        check_mappings(map.gids, member + ": gidMappings");
        plan_.id_maps.push_back(std::move(map));
        return plan_.id_maps.size() - 1;
    }

    /// Changes what an earlier entry, or the root itself, has brought to the place.
    void add_remount(const oci::spec::Mount& mount, MountOptions options, MountStep step) {
        const bool is_bind = options.is_bind || mount.type == "bind";
        if (options.copy_up || options.idmap || !mount.uid_mappings.empty() ||
            !mount.gid_mappings.empty()) {
            fail(step.member, "options: 'remount' changes flags only");
        }
        if (is_bind) {
            refuse_parameters_of_bind(options, step.member);
            options.parameters.clear();
        }
        step.kind = MountKind::remount;
        step.change = options.change;
        step.parameters = std::move(options.parameters);
        plan_.mounts.push_back(std::move(step));
    }

    void add_bind(const oci::spec::Mount& mount, const MountOptions& options, MountStep step) {
        refuse_parameters_of_bind(options, step.member);
        if (options.copy_up) {
            fail(step.member, "options: 'tmpcopyup' is for tmpfs only");
        }
        step.kind = MountKind::bind;
        step.source_must_be_procfs = step.target == "proc";
        step.change = options.change;
        if (step.propagation == 0) {
            // The copy must not stay a peer of the host's mount.
            step.propagation = MS_PRIVATE;
            step.propagation_all = true;
        }
        step.source = plan_.sources.size();
        plan_.sources.push_back({.path = resolve_source(mount.source, step.member),
                                 .is_recursive = options.is_recursive_bind,
                                 .member = step.member,
                                 .id_map = add_id_map(mount, options, step.member),
                                 .maps_all = options.idmap_all});
        plan_.mounts.push_back(std::move(step));
    }

    /// Its layers are the host's, which the child has left behind when it mounts: the parent makes
    /// it, and the child attaches it as if it were a bind.
    void add_overlay(const oci::spec::Mount& mount, const MountOptions& options, MountStep step) {
        if (options.copy_up) {
            fail(step.member, "options: 'tmpcopyup' is for tmpfs only");
        }
        bool has_upper = false;
        bool has_work = false;
        for (const FsParameter& parameter : options.parameters) {
            has_upper = has_upper || parameter.key == "upperdir";
            has_work = has_work || parameter.key == "workdir";
            const bool is_flag = parameter.key == "volatile";
            if (is_flag == parameter.value.has_value() ||
                (!is_flag && parameter.key != "lowerdir" && parameter.key != "upperdir" &&
                 parameter.key != "workdir")) {
                fail(step.member,
                     fmt::format("options: '{}' is unknown for an overlay", parameter.key));
            }
        }
        if (has_upper != has_work) {
            fail(step.member, "options: 'upperdir' and 'workdir' are only good together");
        }
        const auto id_map = add_id_map(mount, options, step.member);
        if (id_map && plan_.id_maps[*id_map].of_joined_namespace) {
            fail(step.member, "options: 'idmap' of an overlay needs uidMappings here");
        }
        step.kind = MountKind::bind;
        step.fs_type = "overlay";
        step.parameters = options.parameters;
        step.change = options.change;
        step.source = plan_.sources.size();
        plan_.sources.push_back(
            {.path = "an overlay", .is_recursive = false, .member = step.member, .id_map = id_map});
        plan_.mounts.push_back(std::move(step));
    }

    void add_filesystem(const oci::spec::Mount& mount, MountOptions options, MountStep step) {
        if (mount.type.empty() || mount.type == "none") {
            fail(step.member, "type: is missing");
        }
        if (step.target == "proc" && mount.type != "proc") {
            fail(step.member, fmt::format("type: '{}' may not cover /proc", mount.type));
        }
        step.id_map = add_id_map(mount, options, step.member);
        if (step.copy_up && mount.type != "tmpfs") {
            fail(step.member, "options: 'tmpcopyup' is for tmpfs only");
        }
        step.kind = MountKind::filesystem;
        step.fs_type = mount.type;
        step.is_proc = mount.type == "proc" && step.target == "proc";
        step.attributes = options.change.set | options.change.set_all;
        if (step.target == "dev" || step.copy_up) {
            fill_before_read_only(step);
        }
        if (!mount.source.empty() && mount.source != "none") {
            step.parameters.push_back({"source", mount.source});
        }
        for (auto& parameter : options.parameters) {
            step.parameters.push_back(std::move(parameter));
        }
        if (!spec_.linux_.mount_label.empty() && takes_label(mount.type)) {
            step.parameters.push_back({"context", spec_.linux_.mount_label});
        }
        plan_.mounts.push_back(std::move(step));
    }

    static void fill_before_read_only(MountStep& step) noexcept {
        step.read_only_when_filled = (step.attributes & MOUNT_ATTR_RDONLY) != 0;
        step.attributes &= ~uint64_t{MOUNT_ATTR_RDONLY};
    }

    static bool takes_label(std::string_view type) noexcept {
        return type == "tmpfs" || type == "devpts" || type == "mqueue" || type == "ramfs";
    }

    // --- control groups

    void add_cgroup(const MountOptions& options, MountStep step) {
        if (!options.parameters.empty()) {
            fail(step.member,
                 fmt::format("options: '{}' is unknown for control groups",
                             options.parameters.front().key));
        }
        step.attributes = options.change.set | options.change.set_all;
        switch (facts_.cgroup_layout.mode) {
            case cgroup::Mode::none:
                fail_unsupported(step.member, "no cgroup file system is mounted on this machine");
            case cgroup::Mode::v2:
                step.fs_type = "cgroup2";
                step.parameters.push_back({"source", "cgroup2"});
                break;
            case cgroup::Mode::v1:
            case cgroup::Mode::hybrid:
                add_hierarchies(step);
                break;
        }
        plan_.mounts.push_back(std::move(step));
    }

    void add_hierarchies(MountStep& step) {
        step.fs_type = "tmpfs";
        step.parameters = {{"source", "tmpfs"}, {"mode", "755"}, {"size", "1m"}};
        fill_before_read_only(step);
        for (const Hierarchy& hierarchy : facts_.cgroup_layout.hierarchies) {
            add_hierarchy(hierarchy, step);
        }
        if (!facts_.cgroup_layout.unified_mount.empty()) {
            CgroupSubmount submount;
            submount.name = "unified";
            submount.fs_type = "cgroup2";
            submount.source = group_source(facts_.cgroup_layout.unified_mount, step.member);
            step.cgroups.push_back(std::move(submount));
        }
    }

    void add_hierarchy(const Hierarchy& hierarchy, MountStep& step) {
        CgroupSubmount submount;
        submount.name = hierarchy.mount_point.substr(hierarchy.mount_point.rfind('/') + 1);
        submount.fs_type = "cgroup";
        for (const auto& controller : hierarchy.controllers) {
            submount.parameters.push_back({controller, std::nullopt});
            if (controller != submount.name) {
                step.symlinks.push_back({controller, submount.name});
            }
        }
        if (!hierarchy.name.empty()) {
            submount.parameters.push_back({"none", std::nullopt});
            submount.parameters.push_back({"name", hierarchy.name});
        }
        submount.source = group_source(hierarchy.mount_point, step.member);
        step.cgroups.push_back(std::move(submount));
    }

    /// With the host's cgroup namespace a new mount would show all groups of the machine, so that
    /// the task's own group is bound instead.
    std::optional<size_t> group_source(const std::string& mount_point, const std::string& member) {
        if (own_.has(CLONE_NEWCGROUP)) {
            return std::nullopt;
        }
        plan_.sources.push_back(
            {.path = mount_point + facts_.cgroup_path, .is_recursive = false, .member = member});
        return plan_.sources.size() - 1;
    }

    const RuntimeSpec& spec_;
    const PlanOptions& options_;
    const HostFacts& facts_;
    const OwnNamespaces& own_;
    InitPlan& plan_;
};

}  // namespace

void plan_mounts(const RuntimeSpec& spec,
                 const PlanOptions& options,
                 const HostFacts& facts,
                 const OwnNamespaces& own,
                 InitPlan& plan) {
    MountPlanner(spec, options, facts, own, plan).plan_all();
}

}  // namespace nau::runtime
