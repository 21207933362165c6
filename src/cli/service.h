#pragma once

#include "engine/container/service_manager.h"

namespace nau::cli {

class Context;

/// What the environment says of a service manager (sd_notify(3), sd_listen_fds(3)).
/// @throws Error when LISTEN_FDS is no number
engine::ServiceManager caller_service_manager(const Context& context);

}  // namespace nau::cli
