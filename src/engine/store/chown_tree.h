#pragma once

// The mount option U: everything below a directory belongs to the container's user. Internal to the
// engine.

#include <string>
#include <sys/types.h>

namespace nau::engine {

/// `path` is of the host, and trusted; below it nothing is followed, and other file systems are not
/// entered. @throws Error{invalid} for a directory of the system itself
void chown_tree(const std::string& path, uid_t uid, gid_t gid);

}  // namespace nau::engine
