#include "engine/oci_runtime/features.h"

#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "oci/runtime_spec.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/seccomp_names.h"
#include "sys/capabilities.h"
#include "sys/file.h"

namespace nau::engine::oci_runtime {

using Json = nlohmann::json;

namespace {

Json mount_options() {
    Json words = Json::array({"async",
                              "bind",
                              "defaults",
                              "idmap",
                              "private",
                              "rbind",
                              "remount",
                              "ridmap",
                              "rprivate",
                              "rshared",
                              "rslave",
                              "runbindable",
                              "shared",
                              "slave",
                              "sync",
                              "tmpcopyup",
                              "unbindable"});
    constexpr std::array kAttributes = {"ro",
                                        "rw",
                                        "nosuid",
                                        "suid",
                                        "nodev",
                                        "dev",
                                        "noexec",
                                        "exec",
                                        "nodiratime",
                                        "diratime",
                                        "relatime",
                                        "norelatime",
                                        "noatime",
                                        "atime",
                                        "strictatime",
                                        "nostrictatime",
                                        "nosymfollow",
                                        "symfollow"};
    for (const char* word : kAttributes) {
        words.push_back(word);
        words.push_back(fmt::format("r{}", word));
    }
    return words;
}

Json seccomp() {
    Json architectures = Json::array();
    for (const auto arch : runtime::seccomp_arch_family()) {
        architectures.push_back(runtime::seccomp_arch_name(arch));
    }
    return {{"enabled", true},
            {"actions",
             {"SCMP_ACT_ALLOW",
              "SCMP_ACT_ERRNO",
              "SCMP_ACT_KILL",
              "SCMP_ACT_KILL_PROCESS",
              "SCMP_ACT_KILL_THREAD",
              "SCMP_ACT_LOG",
              "SCMP_ACT_NOTIFY",
              "SCMP_ACT_TRACE",
              "SCMP_ACT_TRAP"}},
            {"operators",
             {"SCMP_CMP_EQ",
              "SCMP_CMP_GE",
              "SCMP_CMP_GT",
              "SCMP_CMP_LE",
              "SCMP_CMP_LT",
              "SCMP_CMP_MASKED_EQ",
              "SCMP_CMP_NE"}},
            {"archs", architectures},
            {"knownFlags",
             {"SECCOMP_FILTER_FLAG_LOG",
              "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
              "SECCOMP_FILTER_FLAG_TSYNC",
              "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
            {"supportedFlags",
             {"SECCOMP_FILTER_FLAG_LOG",
              "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
              "SECCOMP_FILTER_FLAG_TSYNC",
              "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
}

}  // namespace

Json features() {
    return {
        {"ociVersionMin", "1.0.0"},
        {"ociVersionMax", oci::kRuntimeSpecVersion},
        {"hooks",
         {"prestart",
          "createRuntime",
          "createContainer",
          "startContainer",
          "poststart",
          "poststop"}},
        {"mountOptions", mount_options()},
        {"linux",
         {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
          {"capabilities", sys::CapabilitySet::all_up_to(sys::last_capability()).names()},
          {"cgroup",
           {{"v1", true},
            {"v2", true},
            {"systemd", false},
            {"systemdUser", false},
            {"rdma", true}}},
          {"seccomp", seccomp()},
          {"apparmor", {{"enabled", sys::file_exists("/sys/kernel/security/apparmor")}}},
          {"selinux", {{"enabled", sys::file_exists("/sys/fs/selinux/enforce")}}},
          {"intelRdt", {{"enabled", sys::file_exists("/sys/fs/resctrl/schemata")}}},
          {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
          {"netDevices", {{"enabled", true}}}}},
        {"annotations", Json::object()},
    };
}

std::string version_text(std::string_view version) {
    return fmt::format("nau-runtime version {}\ncommit: nau-{}\nspec: {}\n",
                       version,
                       version,
                       oci::kRuntimeSpecVersion);
}

}  // namespace nau::engine::oci_runtime
