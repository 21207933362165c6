#include "runtime/namespace_plan.h"

#include <algorithm>
#include <array>
#include <sched.h>
#include <string_view>

#include <fmt/core.h>

#include "runtime/spec_error.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace {

using oci::RuntimeSpec;

struct NamespaceType {
    std::string_view name;
    uint64_t flag;
};

constexpr std::array kNamespaceTypes = {
    NamespaceType{"mount", CLONE_NEWNS},
    NamespaceType{"pid", CLONE_NEWPID},
    NamespaceType{"network", CLONE_NEWNET},
    NamespaceType{"ipc", CLONE_NEWIPC},
    NamespaceType{"uts", CLONE_NEWUTS},
    NamespaceType{"user", CLONE_NEWUSER},
    NamespaceType{"cgroup", CLONE_NEWCGROUP},
    NamespaceType{"time", sys::raw::kCloneNewTime},
};

}  // namespace

OwnNamespaces plan_namespaces(const RuntimeSpec& spec, InitPlan& plan) {
    OwnNamespaces own;
    for (size_t i = 0; i < spec.linux_.namespaces.size(); ++i) {
        const auto& ns = spec.linux_.namespaces[i];
        const std::string member = fmt::format("linux: namespaces[{}]", i);
        const auto type = std::find_if(kNamespaceTypes.begin(),
                                       kNamespaceTypes.end(),
                                       [&](const NamespaceType& t) { return t.name == ns.type; });
        if (type == kNamespaceTypes.end()) {
            fail(member, fmt::format("type: '{}' is no kind of namespace", ns.type));
        }
        if (own.has(type->flag)) {
            fail(member, fmt::format("type: '{}' is listed twice", ns.type));
        }
        if (ns.path.empty()) {
            own.created |= type->flag;
            continue;
        }
        if (ns.path.front() != '/') {
            fail(member, fmt::format("path: '{}' is not absolute", ns.path));
        }
        own.joined |= type->flag;
        plan.namespaces.push_back({static_cast<int>(type->flag), ns.path, member});
    }
    if (!own.has(CLONE_NEWNS)) {
        fail_unsupported("linux: namespaces", "a container without a mount namespace of its own");
    }
    plan.clone_flags = own.created & ~uint64_t{CLONE_NEWCGROUP};
    plan.new_cgroup_namespace = (own.created & CLONE_NEWCGROUP) != 0;
    plan.new_user_namespace = (own.created & CLONE_NEWUSER) != 0;
    plan.joins_user_namespace = (own.joined & CLONE_NEWUSER) != 0;
    return own;
}

void check_mappings(const std::vector<oci::spec::IdMapping>& mappings, const std::string& member) {
    for (size_t i = 0; i < mappings.size(); ++i) {
        const auto& mapping = mappings[i];
        const uint64_t size = mapping.size;
        if (size == 0 || mapping.container_id + size > UINT32_MAX ||
            mapping.host_id + size > UINT32_MAX) {
            fail(fmt::format("{}[{}]", member, i), "is empty or reaches beyond the last id");
        }
    }
}

void plan_user_namespace(const RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan) {
    if (plan.new_user_namespace) {
        if (spec.linux_.uid_mappings.empty() || spec.linux_.gid_mappings.empty()) {
            fail(spec.linux_.uid_mappings.empty() ? "linux: uidMappings" : "linux: gidMappings",
                 "is empty, but there is a new user namespace");
        }
        check_mappings(spec.linux_.uid_mappings, "linux: uidMappings");
        check_mappings(spec.linux_.gid_mappings, "linux: gidMappings");
        plan.uid_mappings = spec.linux_.uid_mappings;
        plan.gid_mappings = spec.linux_.gid_mappings;
    } else if (!plan.joins_user_namespace &&
               (!spec.linux_.uid_mappings.empty() || !spec.linux_.gid_mappings.empty())) {
        fail("linux: uidMappings", "is given without a user namespace");
    }
    for (const auto& [clock, offset] : spec.linux_.time_offsets) {
        if ((own.created & sys::raw::kCloneNewTime) == 0) {
            fail("linux: timeOffsets", "is given without a new time namespace");
        }
        if (clock != "monotonic" && clock != "boottime") {
            fail("linux: timeOffsets", fmt::format("'{}' is no clock that can be set off", clock));
        }
        plan.time_offsets.push_back({clock, offset.secs, offset.nanosecs});
    }
}

}  // namespace nau::runtime
