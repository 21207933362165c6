#include "storage/layers/xattr_policy.h"

#include <doctest/doctest.h>

using nau::storage::may_apply_xattr;

TEST_CASE("images bring user attributes, file capabilities and ACLs, and nothing of the host's") {
    for (const char* good : {"user.a",
                             "user.overlayer",
                             "security.capability",
                             "security.ima",
                             "system.posix_acl_access",
                             "system.posix_acl_default"}) {
        CAPTURE(good);
        CHECK(may_apply_xattr(good));
    }
    for (const char* bad : {"",
                            "user",
                            "user.",
                            "user.overlay",
                            "user.overlay.opaque",
                            "user.overlay.redirect",
                            "user.fuseoverlayfs.opaque",
                            "trusted.overlay.opaque",
                            "trusted.overlay.metacopy",
                            "trusted.anything",
                            "security.selinux",
                            "security.evm",
                            "security.capability2",
                            "system.nfs4_acl",
                            "USER.a"}) {
        CAPTURE(bad);
        CHECK_FALSE(may_apply_xattr(bad));
    }
}
