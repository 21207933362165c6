#pragma once

// What nobody refers to any more but is not deleted yet: directories renamed into <graph
// root>/trash after the transaction that made them unreachable. Deleting a big tree takes seconds;
// the command that removed it need not wait: any later one, or a background step, empties the
// trash. Several may do so at once.

#include <cstddef>
#include <filesystem>
#include <vector>

#include "storage/paths.h"
#include "storage/snapshots/tree_usage.h"

namespace nau::storage {

class Trash {
  public:
    explicit Trash(const Paths& paths) : paths_(paths) {}

    /// Renames a directory or file of the graph root into the trash under a new name. false when it
    /// is not there. Fail points "trash.take.{before,after}".
    bool take(const std::filesystem::path& path) const;
    bool is_empty() const;
    /// With the directory itself.
    SnapshotUsage usage() const;
    /// Deletes everything; returns the number of entries. What cannot be deleted is logged and
    /// stays.
    size_t empty() const;

  private:
    const Paths& paths_;
};

/// What is in there now, for a caller that wants to delete later or elsewhere.
std::vector<std::filesystem::path> list_trash(const Paths& paths);

}  // namespace nau::storage
