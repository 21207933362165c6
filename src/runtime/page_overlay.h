#pragma once

// Overlays of more layers than fsconfig(2) can name on kernels before 6.13: there an option has at
// most 255 bytes. The options of mount(2) fill a page, which is room for about a thousand layers,
// but mount(2) knows only mounts in a namespace: a short-lived process makes one in a namespace of
// its own and hands back a detached copy.

#include <string>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::runtime {

struct PageOverlay {
    std::vector<std::string> lower_dirs;  ///< top first; absolute
    std::string upper;                    ///< absolute; empty: a read-only view
    std::string work;
    bool is_volatile = false;
    bool read_only = false;
};

/// A detached mount, as fsmount(2) would give. The caller has a single thread.
/// @throws SysError; Error{unsupported} when the layers do not fit in a page
sys::UniqueFd mount_page_overlay(const PageOverlay& overlay);

}  // namespace nau::runtime
