#include "sys/exit_info.h"

#include <cstdint>
#include <sys/ioctl.h>
#include <sys/wait.h>

namespace nau::sys {

std::optional<ExitStatus> exit_status_of(int pidfd) noexcept {
    // <linux/pidfd.h> of older systems has neither.
    struct PidfdInfo {
        uint64_t mask;
        uint64_t cgroup_id;
        uint32_t ids[11];
        int32_t exit_code;
    };
    static_assert(sizeof(PidfdInfo) == 64);
    constexpr uint64_t kInfoExit = 1U << 3U;
    constexpr unsigned long kGetInfo = _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, sizeof(PidfdInfo));
    PidfdInfo info{};
    info.mask = kInfoExit;
    if (::ioctl(pidfd, kGetInfo, &info) != 0 || (info.mask & kInfoExit) == 0) {
        return std::nullopt;
    }
    if (WIFSIGNALED(info.exit_code)) {
        return ExitStatus{.code = 0,
                          .signal = WTERMSIG(info.exit_code),
                          .core_dumped = WCOREDUMP(info.exit_code) != 0};
    }
    return ExitStatus{.code = WEXITSTATUS(info.exit_code)};
}

}  // namespace nau::sys
