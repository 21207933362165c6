#pragma once

// How a layer's own directory says what it removes from the layers below.

#include <cstdint>

namespace nau::storage {

enum class LayerForm : uint8_t {
    overlay_trusted,  ///< character device 0:0, xattr trusted.overlay.* (needs root)
    overlay_user,     ///< character device 0:0, xattr user.overlay.*, for mounts with "userxattr"
    merged,           ///< nothing to say: the tree is a copy, and the files are really removed
};

}  // namespace nau::storage
