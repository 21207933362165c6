#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "runtime/launch.h"

namespace nau::runtime {

namespace {

ErrorKind kind_of(int error) noexcept {
    return error == 0 ? ErrorKind::internal : error_kind_of_errno(error);
}

}  // namespace

std::string_view to_string(Step step) noexcept {
    switch (step) {
        case Step::prepare:
            return "prepare";
        case Step::clone:
            return "clone";
        case Step::join_cgroup:
            return "join_cgroup";
        case Step::join_namespace:
            return "join_namespace";
        case Step::id_maps:
            return "id_maps";
        case Step::new_session:
            return "new_session";
        case Step::mount_propagation:
            return "mount_propagation";
        case Step::attach_rootfs:
            return "attach_rootfs";
        case Step::pivot_root:
            return "pivot_root";
        case Step::mount_target:
            return "mount_target";
        case Step::mount:
            return "mount";
        case Step::mount_options:
            return "mount_options";
        case Step::device:
            return "device";
        case Step::symlink:
            return "symlink";
        case Step::masked_path:
            return "masked_path";
        case Step::readonly_path:
            return "readonly_path";
        case Step::readonly_root:
            return "readonly_root";
        case Step::sysctl:
            return "sysctl";
        case Step::hostname:
            return "hostname";
        case Step::terminal:
            return "terminal";
        case Step::stdio:
            return "stdio";
        case Step::rlimit:
            return "rlimit";
        case Step::oom_score_adj:
            return "oom_score_adj";
        case Step::scheduler:
            return "scheduler";
        case Step::io_priority:
            return "io_priority";
        case Step::personality:
            return "personality";
        case Step::memory_policy:
            return "memory_policy";
        case Step::time_offsets:
            return "time_offsets";
        case Step::keyring:
            return "keyring";
        case Step::security_label:
            return "security_label";
        case Step::hooks:
            return "hooks";
        case Step::seccomp:
            return "seccomp";
        case Step::groups:
            return "groups";
        case Step::user:
            return "user";
        case Step::capabilities:
            return "capabilities";
        case Step::no_new_privileges:
            return "no_new_privileges";
        case Step::working_directory:
            return "working_directory";
        case Step::close_fds:
            return "close_fds";
        case Step::signals:
            return "signals";
        case Step::find_command:
            return "find_command";
        case Step::exec:
            return "exec";
        case Step::wait_for_start:
            return "wait_for_start";
        case Step::init_process:
            return "init_process";
        case Step::died:
            return "died";
        case Step::loopback:
            return "loopback";
    }
    return "unknown";
}

LaunchError::LaunchError(Step step, int error, const std::string& object)
    : Error(kind_of(error),
            "{}",
            error == 0 ? object : fmt::format("{}: {}", object, errno_text(error))),
      step_(step),
      error_(error) {}

void LaunchError::append(std::string_view text) {
    append_text(text);
}

int exit_code(Step step, int error) noexcept {
    constexpr int kFailed = 125;
    constexpr int kCannotInvoke = 126;
    constexpr int kNotFound = 127;
    if (step != Step::exec && step != Step::find_command) {
        return kFailed;
    }
    return error == ENOENT || error == ENOTDIR ? kNotFound : kCannotInvoke;
}

}  // namespace nau::runtime
