#pragma once

// A new database from what lies beside the old one, which is lost or damaged: names of images,
// layers and records of containers from their copies, volumes from their directories. What a
// damaged database still tells is taken where a wrong answer does no harm: networks, labels of
// volumes, and how containers have ended. Layers of an earlier boot are unpacked again from their
// blobs when they are needed; what a container has written stays. Leases are lost.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "storage/db/database.h"
#include "storage/paths.h"

namespace nau::storage {

/// Whether there is something from which a lost database could be rebuilt.
bool has_copies(const Paths& paths);

struct Rebuilt {
    size_t images = 0;
    size_t containers = 0;
    size_t volumes = 0;
    size_t networks = 0;
};

/// "3 images, 2 containers, …"
std::string to_text(const Rebuilt& rebuilt);

/// Fills a new database. `old` may be nullptr. @pre it has its tables, and no rows
Rebuilt rebuild_database(
    Database& db, Database* old, const Paths& paths, std::string_view boot_id, Time now);

}  // namespace nau::storage
