#pragma once

// Whether a name in a tree that was copied still is what it was in the original. Internal to
// storage/layers.

#include <string>
#include <sys/stat.h>

namespace nau::storage {

/// Type, mode, owner, attributes, device or link target; of files also length and time of
/// modification, which tell of new content as well as anybody needs (rsync, the other engines). A
/// directory's time says nothing: its entries are looked at.
bool is_equal(int own_dir,
              const struct ::stat& own,
              int other_dir,
              const struct ::stat& other,
              const std::string& name);

}  // namespace nau::storage
