#include "engine/oci_runtime/start_process.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "runtime/users.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/process.h"
#include "sys/raw.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr int kFirstPreserved = 3;
constexpr unsigned kMostPreserved = 64;

/// As sd_listen_fds(3) says it; 0 when they are not for us.
unsigned listen_fds() {
    // One thread: the environment cannot change under us.
    const char* count_text = std::getenv("LISTEN_FDS");  // NOLINT(concurrency-mt-unsafe)
    const auto count = count_text != nullptr ? parse_uint64(count_text) : std::nullopt;
    return count && *count <= kMostPreserved ? static_cast<unsigned>(*count) : 0;
}

void set_variable(std::vector<std::string>& env, const std::string& name, std::string_view value) {
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    env.push_back(fmt::format("{}={}", name, value));
}

/// The uid that the process has outside of its user namespace.
std::optional<uid_t> outer_uid(const oci::RuntimeSpec& spec, uint32_t uid) {
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

}  // namespace

void check_terminal(const ProcessIo& io, bool has_terminal) {
    if (has_terminal && io.is_detached && io.console_socket.empty()) {
        throw Error(ErrorKind::invalid,
                    "cannot allocate a terminal and leave without a console socket to send it to")
            .with_hint("give --console-socket, or set process.terminal to false");
    }
    if (!io.console_socket.empty() && !(has_terminal && io.is_detached)) {
        throw Error(ErrorKind::invalid,
                    "a console socket is of use only to a detached process with a terminal")
            .with_hint("leave --console-socket out, or set process.terminal to true");
    }
}

std::vector<int> preserved_fds(const ProcessIo& io, oci::spec::Process& process) {
    const unsigned listening = listen_fds();
    const uint64_t count = io.preserve_fds + listening;
    if (io.preserve_fds > kMostPreserved || count > kMostPreserved) {
        throw Error(ErrorKind::invalid,
                    "{} descriptors are to be preserved, at most {} can be",
                    count,
                    kMostPreserved);
    }
    std::vector<int> fds;
    for (int fd = kFirstPreserved; fd < kFirstPreserved + static_cast<int>(count); ++fd) {
        if (sys::raw::fcntl(fd, F_GETFD, 0) < 0) {
            throw Error(ErrorKind::invalid, "descriptor {} is to be preserved and is not open", fd);
        }
        fds.push_back(fd);
    }
    if (listening > 0) {
        set_variable(process.env, "LISTEN_FDS", fmt::format("{}", listening));
        set_variable(process.env, "LISTEN_PID", "1");
    }
    return fds;
}

void add_home(oci::spec::Process& process, const sys::DirFd& rootfs) {
    const bool has_home = std::any_of(process.env.begin(), process.env.end(), [](const auto& e) {
        return e.starts_with("HOME=") && e.size() > std::string_view("HOME=").size();
    });
    if (has_home) {
        return;
    }
    std::string home = "/";
    try {
        home = runtime::resolve_user(rootfs, fmt::format("{}", process.user.uid)).home;
    } catch (const Error& error) {
        NAU_LOG_DEBUG("the home of user {}: {}", process.user.uid, error.what());
    }
    set_variable(process.env, "HOME", home.empty() ? "/" : home);
}

runtime::StdioFds own_stdio(const oci::RuntimeSpec& spec, const oci::spec::Process& process) {
    const auto owner = outer_uid(spec, process.user.uid);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        struct ::stat status = {};
        if (owner && *owner != 0 && ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
            status.st_uid != *owner) {
            (void)!::fchown(fd, *owner, static_cast<gid_t>(-1));  // without it open fails, no more
        }
    }
    return {.in = STDIN_FILENO, .out = STDOUT_FILENO, .err = STDERR_FILENO};
}

void send_console(const std::string& socket_path, int master) {
    doing(fmt::format("sending the terminal to {}", socket_path), [&] {
        const sys::UniqueFd socket = sys::connect_unix(socket_path, SOCK_STREAM);
        const int fds[] = {master};
        // The bytes are a name, which receivers show and do not open.
        sys::send_message(socket.get(), "/dev/ptmx", fds);
    });
}

void write_pid_file(const std::string& path, pid_t pid) {
    doing("writing the pid file", [&] {
        sys::write_file_atomic(path, fmt::format("{}", pid), 0644, sys::Durability::relaxed);
    });
}

}  // namespace nau::engine::oci_runtime
