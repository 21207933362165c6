#pragma once

// What `mount` and `image mount` print: the path of what was named, or a list of all.

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/flag_set.h"
#include "engine/container/mount_container.h"

namespace nau::subcommands {

struct MountDisplay {
    std::string format;
    bool is_whole = false;
};

/// --format and --no-trunc.
void declare_mount_display(cli::FlagSet& flags, MountDisplay& display);
/// @throws Error{invalid}
void print_mounts(cli::Context& context,
                  const MountDisplay& display,
                  const std::vector<engine::MountedRoot>& mounts);

}  // namespace nau::subcommands
