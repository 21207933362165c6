#include "cli/service.h"

#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"

namespace nau::cli {

engine::ServiceManager caller_service_manager(const Context& context) {
    constexpr uint64_t kMostDescriptors = 250;  // that one message can carry, and some of our own
    engine::ServiceManager manager;
    manager.notify_socket = context.environment("NOTIFY_SOCKET").value_or("");
    const auto pid = parse_uint64(context.environment("LISTEN_PID").value_or(""));
    if (pid != static_cast<uint64_t>(::getpid())) {
        return manager;  // these are for somebody else, from whom the variables were inherited
    }
    const std::string text = context.environment("LISTEN_FDS").value_or("0");
    const auto count = parse_uint64(text);
    if (!count || *count > kMostDescriptors) {
        throw Error(ErrorKind::invalid,
                    "LISTEN_FDS is '{}', not a number up to {}",
                    text,
                    kMostDescriptors);
    }
    manager.listening = static_cast<int>(*count);
    manager.listening_names = context.environment("LISTEN_FDNAMES").value_or("");
    return manager;
}

}  // namespace nau::cli
