#pragma once

// What a tree takes on the disk: blocks, and inodes; a file with several names counts once.

#include <string>

#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

/// The tree may change meanwhile; what disappears is not counted. @throws SysError
SnapshotUsage measure_tree(const std::string& directory);

}  // namespace nau::storage
