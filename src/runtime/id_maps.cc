#include "runtime/id_maps.h"

#include <cerrno>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "runtime/handshake.h"
#include "sys/file.h"
#include "sys/namespace.h"
#include "sys/pipe.h"
#include "sys/process.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace {

void write_maps(pid_t pid,
                const std::string& uid_map,
                const std::string& gid_map,
                const std::string& member) {
    doing(fmt::format("{}: uidMappings", member),
          [&] { sys::write_existing(fmt::format("/proc/{}/uid_map", pid), uid_map); });
    doing(fmt::format("{}: gidMappings", member),
          [&] { sys::write_existing(fmt::format("/proc/{}/gid_map", pid), gid_map); });
}

}  // namespace

std::string id_map_text(const std::vector<oci::spec::IdMapping>& mappings) {
    std::string text;
    for (const auto& mapping : mappings) {
        text += fmt::format("{} {} {}\n", mapping.container_id, mapping.host_id, mapping.size);
    }
    return text;
}

void write_id_maps(pid_t pid,
                   const std::vector<oci::spec::IdMapping>& uids,
                   const std::vector<oci::spec::IdMapping>& gids,
                   const std::string& member) {
    write_maps(pid, id_map_text(uids), id_map_text(gids), member);
}

namespace {

/// A process that does nothing but be in new namespaces; it ends with its parent at the latest.
sys::Child clone_helper(uint64_t flags) {
    Cloned cloned = clone_process(flags, -1);
    if (cloned.pid == 0) {
        (void)sys::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)sys::raw::ppoll(nullptr, 0, nullptr);
        }
    }
    return {cloned.pid, std::move(cloned.pidfd)};  // killed at the end
}

/// The same in a user namespace that exists, and in new ones below it.
sys::Child clone_helper_in(int user_namespace_fd, int flags) {
    auto [ready, told] = sys::pipe2();
    Cloned cloned = clone_process(0, -1);
    if (cloned.pid == 0) {
        (void)sys::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
        int result = sys::raw::setns(user_namespace_fd, CLONE_NEWUSER);
        if (result == 0 && flags != 0) {
            result = sys::raw::unshare(flags);
        }
        (void)sys::raw::write(told.get(), reinterpret_cast<const char*>(&result), sizeof result);
        for (;;) {
            (void)sys::raw::ppoll(nullptr, 0, nullptr);
        }
    }
    sys::Child helper(cloned.pid, std::move(cloned.pidfd));
    told.reset();
    int result = -ECHILD;
    if (sys::raw::read(ready.get(), reinterpret_cast<char*>(&result), sizeof result) !=
            sizeof result ||
        result != 0) {
        throw SysError(-result, "join the user namespace");
    }
    return helper;
}

std::vector<oci::spec::IdMapping> parse_id_map(const std::string& text) {
    std::vector<oci::spec::IdMapping> mappings;
    for (const auto line : split(text, '\n')) {
        std::vector<uint32_t> numbers;
        for (const auto word : split(line, ' ')) {
            if (!word.empty()) {
                numbers.push_back(static_cast<uint32_t>(parse_uint64(word).value_or(0)));
            }
        }
        if (numbers.size() == 3) {
            mappings.push_back(
                {.container_id = numbers[0], .host_id = numbers[1], .size = numbers[2]});
        }
    }
    return mappings;
}

}  // namespace

sys::UniqueFd make_mapping_namespace(const std::string& uid_map,
                                     const std::string& gid_map,
                                     const std::string& member) {
    const sys::Child helper = clone_helper(CLONE_NEWUSER);
    write_maps(helper.pid(), uid_map, gid_map, member);
    return sys::open_namespace_of(helper.pid(), sys::NamespaceKind::user);
}

sys::UniqueFd make_mapping_namespace(const IdMap& map) {
    return make_mapping_namespace(id_map_text(map.uids), id_map_text(map.gids), map.member);
}

sys::UniqueFd make_network_namespace(const IdMap& map) {
    const sys::Child helper = clone_helper(CLONE_NEWUSER | CLONE_NEWNET);
    write_id_maps(helper.pid(), map.uids, map.gids, map.member);
    return sys::open_namespace_of(helper.pid(), sys::NamespaceKind::network);
}

sys::UniqueFd make_network_namespace_in(int user_namespace_fd) {
    const sys::Child helper = clone_helper_in(user_namespace_fd, CLONE_NEWNET);
    return sys::open_namespace_of(helper.pid(), sys::NamespaceKind::network);
}

IdMap read_id_maps(int user_namespace_fd) {
    constexpr size_t kMaxMap = 64UL * 1024;
    const sys::Child helper = clone_helper_in(user_namespace_fd, 0);
    const auto read = [&](const char* name) {
        return parse_id_map(
            sys::read_file(fmt::format("/proc/{}/{}", helper.pid(), name), kMaxMap));
    };
    return {.uids = read("uid_map"),
            .gids = read("gid_map"),
            .of_joined_namespace = false,
            .member = "the user namespace"};
}

}  // namespace nau::runtime
