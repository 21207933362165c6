#pragma once

// Making files as another user: where a mount maps ids, nobody but its own ids can own a file, not
// even the machine's root.

#include <sys/types.h>

namespace nau::sys {

/// While it lives, the calling thread makes files as uid and gid, with the capabilities that it
/// had. @throws SysError
class FileIdentity {
  public:
    FileIdentity(uid_t uid, gid_t gid);
    ~FileIdentity();
    FileIdentity(const FileIdentity&) = delete;
    FileIdentity& operator=(const FileIdentity&) = delete;
    FileIdentity(FileIdentity&&) = delete;
    FileIdentity& operator=(FileIdentity&&) = delete;

  private:
    uid_t uid_;
    gid_t gid_;
};

}  // namespace nau::sys
