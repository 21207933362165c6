#pragma once

// `nau fsck`: checks the store and mends it. A damaged blob or layer is thrown away and comes again
// alone: a layer from its blob, a blob from the registry, by its digest. A lost or unreadable
// database is rebuilt from what lies beside it.

#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/progress.h"
#include "engine/store/check_store.h"

namespace nau::engine {

struct FsckOptions {
    bool repairs = true;
    StoreCheckOptions check;
};

struct FsckReport {
    StoreCheck first;                 ///< what was found
    std::vector<std::string> mended;  ///< what was done, for people
    std::vector<StoreProblem> left;   ///< what is still wrong
};

FsckReport fsck(Engine& engine,
                const FsckOptions& options,
                PullProgress* progress,
                std::stop_token stop);

}  // namespace nau::engine
