#pragma once

// A tree as a tar on a descriptor, and back. Internal to cp.

#include <string>

#include "engine/container/copy_target.h"
#include "sys/dir_fd.h"

namespace nau::engine {

/// `name` of the directory as a tar whose members begin with `member_name` ("." for the contents of
/// a directory).
void write_tar_of(int directory,
                  const std::string& name,
                  const std::string& member_name,
                  int output_fd);

/// Unpacks a tar (perhaps compressed by gzip or zstd) at the directory `path` of the tree. Links in
/// the tree are followed inside `root`; members that would leave `path` by "..", are refused.
void unpack_tar(int input_fd,
                const sys::DirFd& root,
                const std::string& path,
                const CopyRules& rules);

}  // namespace nau::engine
