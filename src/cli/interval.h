#pragma once

// For commands that print again and again.

#include <chrono>

namespace nau::cli {

/// Waits, but no longer than somebody reads `fd`. false: nobody does any more.
bool wait_while_read(int fd, std::chrono::milliseconds interval);

}  // namespace nau::cli
