#include <exception>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "monitor/footprint.h"
#include "monitor/launcher.h"
#include "monitor/main.h"
#include "monitor/supervisor.h"
#include "sys/prctl.h"
#include "sys/unique_fd.h"

namespace nau::monitor {

namespace {

constexpr int kStarterFd = 3;

}  // namespace

int run_monitor(Launcher& launcher) noexcept {
    keep_heap_small();
    try {
        (void)::setsid();  // EPERM: the starter has done it
        (void)::umask(022);
        sys::set_child_subreaper(true);
        sys::set_process_name("nau-monitor");
        Supervisor supervisor(launcher, sys::UniqueFd(kStarterFd));
        return supervisor.run();
    } catch (const std::exception& error) {
        NAU_LOG_WARN("monitor: {}", error.what());
        return 1;
    }
}

}  // namespace nau::monitor
