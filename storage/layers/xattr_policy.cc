#include "storage/layers/xattr_policy.h"

namespace nau::storage {

bool may_apply_xattr(std::string_view name) noexcept {
    if (name.starts_with("user.")) {
        return !name.starts_with("user.overlay.") && !name.starts_with("user.fuseoverlayfs.") &&
               name != "user.overlay" && name.size() > 5;
    }
    return name == "security.capability" || name == "security.ima" ||
           name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

}  // namespace nau::storage
