#include "monitor/launcher.h"

#include "base/error.h"

namespace nau::monitor {

ErrorReply make_error_reply(const std::exception& failure) {
    ErrorReply reply{.text = failure.what()};
    if (const auto* error = dynamic_cast<const Error*>(&failure)) {
        reply.kind = error->kind();
        reply.hint = error->hint();
    }
    if (const auto* error = dynamic_cast<const SysError*>(&failure)) {
        reply.error = error->error();
    }
    if (const auto* error = dynamic_cast<const runtime::LaunchError*>(&failure)) {
        reply.error = error->error();
        reply.step = runtime::to_string(error->step());
        reply.exit_code = runtime::exit_code(*error);
    }
    return reply;
}

}  // namespace nau::monitor
