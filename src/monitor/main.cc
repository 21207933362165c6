#include "monitor/main.h"

#include <exception>

#include "monitor/launcher.h"

namespace nau::monitor {

int monitor_main(int /*argc*/, char** /*argv*/) noexcept {
    try {
        return run_monitor(*make_runtime_launcher());
    } catch (const std::exception&) {  // no memory
        return 1;
    }
}

}  // namespace nau::monitor
