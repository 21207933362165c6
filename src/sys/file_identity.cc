#include "sys/file_identity.h"

#include <sys/fsuid.h>

#include "base/error.h"
#include "sys/capabilities.h"
#include "sys/raw.h"

namespace nau::sys {

FileIdentity::FileIdentity(uid_t uid, gid_t gid)
    : uid_(static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1)))),
      gid_(static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1)))) {
    const ProcessCapabilities before = own_capabilities();
    (void)::setfsgid(gid);  // tells the old one, never a failure
    (void)::setfsuid(uid);
    // Those that are about files have gone with root's fsuid.
    const int result =
        raw::capset(before.effective.mask(), before.permitted.mask(), before.inheritable.mask());
    if (result < 0) {
        (void)::setfsuid(uid_);
        (void)::setfsgid(gid_);
        throw SysError(-result, "capset");
    }
}

FileIdentity::~FileIdentity() {
    (void)::setfsuid(uid_);
    (void)::setfsgid(gid_);
}

}  // namespace nau::sys
