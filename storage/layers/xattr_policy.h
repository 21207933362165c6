#pragma once

// Which extended attributes an image may bring along. An attribute is a statement to the kernel or
// to a program on the host, so what is not known to be the image's own business stays out:
//
//   user.*                    yes, but user.overlay.* and user.fuseoverlayfs.*
//   security.capability       yes: file capabilities
//   security.ima              yes: a signature over the content
//   system.posix_acl_*        yes: part of the permissions
//   trusted.*                 no: overlayfs keeps its marks there (a layer could fake whiteouts,
//                             redirects and metacopies), and no container can read the others
//   security.selinux, .evm …  no: they are the host's labels
//
// An attribute that stays out, or that the file system or the kernel does not take, does not fail
// the layer: so do the other engines.

#include <string_view>

namespace nau::storage {

bool may_apply_xattr(std::string_view name) noexcept;

}  // namespace nau::storage
