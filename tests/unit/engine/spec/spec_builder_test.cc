#include "engine/spec/spec_builder.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/error.h"
#include "runtime/seccomp.h"

using nau::engine::CreateOptions;
using nau::engine::MountRequest;
using nau::engine::ProcessOptions;
using nau::engine::ResolvedMount;
using nau::engine::SecurityOptions;
using nau::engine::SpecInputs;
using nau::oci::ContainerDefaults;
using nau::oci::RuntimeSpec;

namespace {

constexpr auto kAll = nau::sys::CapabilitySet::all_up_to(40);
constexpr const char* kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

RuntimeSpec build(const CreateOptions& options,
                  const ContainerDefaults& defaults = {.cmd = {"sh"}},
                  std::vector<ResolvedMount> mounts = {}) {
    return nau::engine::build_runtime_spec({.id = kId,
                                            .options = options,
                                            .defaults = defaults,
                                            .user = {},
                                            .mounts = std::move(mounts),
                                            .etc_directory = "/run/nau/containers/x",
                                            .host_name_of_host = "thehost",
                                            .available_capabilities = kAll});
}

const nau::oci::spec::Mount* find_mount(const RuntimeSpec& spec, const std::string& destination) {
    for (const auto& mount : spec.mounts) {
        if (mount.destination == destination) {
            return &mount;
        }
    }
    return nullptr;
}

bool has_namespace(const RuntimeSpec& spec, const std::string& type) {
    return std::any_of(spec.linux_.namespaces.begin(),
                       spec.linux_.namespaces.end(),
                       [&](const auto& entry) { return entry.type == type; });
}

}  // namespace

TEST_CASE("the command is the image's unless the user says otherwise") {
    const ContainerDefaults image{.entrypoint = {"/entry"}, .cmd = {"a", "b"}};
    struct Row {
        ProcessOptions process;
        std::vector<std::string> args;
    };
    const std::vector<std::string> none;
    for (const auto& row :
         {Row{{}, {"/entry", "a", "b"}},
          Row{{.command = {"x"}}, {"/entry", "x"}},
          Row{{.command = {"x"}, .entrypoint = std::vector<std::string>{"/mine"}}, {"/mine", "x"}},
          Row{{.entrypoint = std::vector<std::string>{"/mine"}}, {"/mine"}},
          Row{{.command = {"x"}, .entrypoint = none}, {"x"}}}) {
        CHECK(nau::engine::combine_command(row.process, image) == row.args);
    }
    CHECK_THROWS_AS(nau::engine::combine_command({}, {}), nau::Error);
    CHECK_THROWS_AS(nau::engine::combine_command({.command = {""}}, {}), nau::Error);
}

TEST_CASE("each variable stands once and the user's word is the last") {
    const ProcessOptions process{.env = {{"A", "user"}, {"HOME", "/h"}, {"A", "again"}},
                                 .unset_env = {"GONE"}};
    const auto env = nau::engine::combine_environment(
        process, {"A=image", "GONE=1", "PATH=/bin", "NOEQUALS", "=x"}, "box", "/root");
    CHECK(env == std::vector<std::string>{
                     "PATH=/bin", "container=nau", "HOSTNAME=box", "HOME=/h", "A=again"});
}

TEST_CASE("capabilities: default, all, add and drop") {
    const auto names = [](const SecurityOptions& security) {
        return nau::engine::combine_capabilities(security, kAll).names();
    };
    CHECK(names({}).size() == 11);
    CHECK(nau::engine::combine_capabilities({}, nau::sys::CapabilitySet(1)).names() ==
          std::vector<std::string>{"CAP_CHOWN"});
    CHECK(names({.cap_drop = {"all"}}).empty());
    CHECK(names({.cap_add = {"net_raw"}, .cap_drop = {"ALL"}}) ==
          std::vector<std::string>{"CAP_NET_RAW"});
    CHECK(names({.cap_add = {"all"}, .cap_drop = {"CAP_SYS_ADMIN"}}).size() ==
          names({.is_privileged = true}).size() - 1);
    CHECK_THROWS_AS(names({.cap_add = {"nonsense"}}), nau::Error);
}

TEST_CASE("inheritable and ambient capabilities are empty, effective ones are root's") {
    const auto bounding = nau::engine::combine_capabilities({}, kAll);
    const auto root = nau::engine::capabilities_of_process(bounding, true);
    CHECK(root.effective == root.bounding);
    CHECK(root.inheritable.empty());
    CHECK(root.ambient.empty());
    const auto user = nau::engine::capabilities_of_process(bounding, false);
    CHECK(user.effective.empty());
    CHECK(user.permitted.empty());
    CHECK(user.bounding == root.bounding);
}

TEST_CASE("a mount of the user's replaces the system's, outer ones come first") {
    const auto bind = [](const char* destination) {
        ResolvedMount mount;
        mount.request.destination = destination;
        mount.source = "/src";
        return mount;
    };
    const auto spec =
        build({}, {.cmd = {"sh"}}, {bind("/dev/shm/x/y"), bind("/dev/shm"), bind("/etc/hosts")});
    CHECK(find_mount(spec, "/dev/shm")->type == "bind");
    CHECK(find_mount(spec, "/etc/hosts")->source == "/src");
    CHECK(find_mount(spec, "/etc/hostname")->source == "/run/nau/containers/x/hostname");
    const auto position = [&](const char* destination) {
        return find_mount(spec, destination) - spec.mounts.data();
    };
    CHECK(position("/dev/shm") < position("/dev/shm/x/y"));
    CHECK(position("/dev") < position("/dev/shm"));
}

TEST_CASE("a read-only root keeps places to write, unless they are not wanted") {
    CreateOptions options;
    options.is_read_only = true;
    CHECK(find_mount(build(options), "/tmp")->type == "tmpfs");
    CHECK(build(options).root->readonly);
    options.has_read_only_tmpfs = false;
    CHECK(find_mount(build(options), "/tmp") == nullptr);
}

TEST_CASE("namespaces are the container's own unless the host's are wanted") {
    const auto spec = build({});
    for (const char* type : {"mount", "pid", "ipc", "uts", "network", "cgroup"}) {
        CAPTURE(type);
        CHECK(has_namespace(spec, type));
    }
    CHECK(spec.hostname == "0123456789ab");
    CreateOptions host;
    host.network.mode = "host";
    host.pid_mode = "host";
    host.ipc_mode = "host";
    const auto shared = build(host);
    for (const char* type : {"pid", "ipc", "uts", "network"}) {
        CAPTURE(type);
        CHECK_FALSE(has_namespace(shared, type));
    }
    CHECK(shared.hostname.empty());
}

TEST_CASE("limits in the units of the spec") {
    CreateOptions options;
    options.resources.memory_bytes = 64 << 20;
    options.resources.cpus = 1.5;
    options.resources.pids_limit = 7;
    const auto resources = *build(options).linux_.resources;
    CHECK(resources.memory->limit == 64 << 20);
    CHECK(resources.memory->swap == 128 << 20);
    CHECK(resources.cpu->quota == 150000);
    CHECK(resources.cpu->period == 100000U);
    CHECK(resources.pids_limit == 7);
    CHECK(build({}).linux_.resources->pids_limit == 2048);
    CHECK_FALSE(build({}).linux_.resources->memory.has_value());
}

TEST_CASE("confinement: masked paths and the filter, less with options, none when privileged") {
    const auto plain = build({});
    const auto& masked = plain.linux_.masked_paths;
    CHECK(std::find(masked.begin(), masked.end(), "/proc/kcore") != masked.end());
    CHECK(plain.annotations.at(nau::runtime::kSeccompAnnotation) == nau::runtime::kSeccompDefault);
    CHECK_FALSE(plain.linux_.seccomp.has_value());
    CreateOptions options;
    options.security.unmasked_paths = {"/proc/kcore"};
    options.security.seccomp_profile = "unconfined";
    const auto less = build(options);
    CHECK(less.linux_.masked_paths.size() == masked.size() - 1);
    CHECK(less.annotations.empty());
    CHECK_FALSE(less.linux_.seccomp.has_value());
    options.security.is_privileged = true;
    const auto none = build(options);
    CHECK(none.linux_.masked_paths.empty());
    CHECK(none.linux_.resources->devices.size() == 1);
    CHECK(none.linux_.resources->devices[0].allow);
}
