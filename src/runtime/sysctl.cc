#include "runtime/sysctl.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::runtime {

namespace {

constexpr std::array<std::string_view, 8> kIpcParameters = {"kernel/msgmax",
                                                            "kernel/msgmnb",
                                                            "kernel/msgmni",
                                                            "kernel/sem",
                                                            "kernel/shmall",
                                                            "kernel/shmmax",
                                                            "kernel/shmmni",
                                                            "kernel/shm_rmid_forced"};

[[noreturn]] void fail(const std::string& name, const std::string& problem) {
    throw Error(ErrorKind::invalid, "linux: sysctl: '{}' {}", name, problem);
}

/// "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are the same; the first separator that appears
/// decides, so that names of network devices may hold the other one ("net/ipv4/conf/eth0.100/…").
std::string to_path(const std::string& name) {
    const size_t first = name.find_first_of("./");
    std::string path = name;
    if (first != std::string::npos && name[first] == '.') {
        for (char& c : path) {
            if (c == '.') {
                c = '/';
            } else if (c == '/') {
                c = '.';
            }
        }
    }
    return path;
}

void check_path(const std::string& name, const std::string& path) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-./@:").find(c) != std::string_view::npos;
    };
    if (!std::all_of(path.begin(), path.end(), is_allowed)) {
        fail(name, "is no name of a kernel parameter");
    }
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == "." || part == "..") {
            fail(name, "is no name of a kernel parameter");
        }
    }
}

void check_scope(const std::string& name, const std::string& path, const SysctlScope& scope) {
    const auto need = [&](bool has, const char* kind) {
        if (!has) {
            fail(name, fmt::format("belongs to the host: the container has no {} namespace", kind));
        }
    };
    if (std::find(kIpcParameters.begin(), kIpcParameters.end(), path) != kIpcParameters.end() ||
        path.rfind("fs/mqueue/", 0) == 0) {
        return need(scope.ipc, "ipc");
    }
    if (path.rfind("net/", 0) == 0) {
        return need(scope.network, "network");
    }
    if (path.rfind("user/", 0) == 0) {
        return need(scope.user, "user");
    }
    if (path == "kernel/hostname" || path == "kernel/domainname") {
        need(scope.uts, "uts");
        if (path == "kernel/hostname" ? scope.hostname_is_set : scope.domainname_is_set) {
            fail(name, "is set by the spec's own member");
        }
        return;
    }
    fail(name, "is not a parameter of a namespace");
}

}  // namespace

std::vector<SysctlWrite> plan_sysctls(const std::map<std::string, std::string>& sysctls,
                                      const SysctlScope& scope) {
    std::vector<SysctlWrite> writes;
    for (const auto& [name, value] : sysctls) {
        const std::string path = to_path(name);
        check_path(name, path);
        check_scope(name, path, scope);
        if (value.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
            fail(name, "has a value of more than one line");
        }
        writes.push_back({"sys/" + path, value, name});
    }
    return writes;
}

}  // namespace nau::runtime
