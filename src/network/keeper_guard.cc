#include "network/keeper_guard.h"

#include <chrono>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "network/keeper_client.h"

namespace nau::network {

namespace {

constexpr int kKeeper = 3;

void guard(const std::filesystem::path& directory) {
    (void)sys::wait_ended(kKeeper, std::chrono::milliseconds(-1));
    if (!read_attachments(directory).empty()) {
        NAU_LOG_WARN("the network keeper was killed; starting another one");
        (void)KeeperClient(directory).reload();
    }
}

}  // namespace

int keeper_guard_main(int argc, char** argv) noexcept {
    try {
        if (argc != 3) {
            return 125;
        }
        (void)::prctl(PR_SET_NAME, "nau-guard");
        guard(argv[2]);
        return 0;
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}", error.what());
    }
    return 125;
}

sys::Child start_keeper_guard(const std::filesystem::path& directory) {
    const sys::UniqueFd self = sys::pidfd_open(::getpid());
    sys::SpawnOptions options;
    options.path = "/proc/self/exe";
    options.argv = {"nau", kKeeperGuardCommand, directory};
    options.stdin_fd = sys::SpawnOptions::kNull;
    options.stdout_fd = sys::SpawnOptions::kNull;
    options.fds = {{.source = self.get(), .target = kKeeper}};
    options.cwd = "/";
    options.new_session = true;
    return sys::spawn(options);
}

}  // namespace nau::network
