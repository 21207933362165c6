#pragma once

// A new database from what lies beside the lost one: names of images and records of containers from
// their copies, volumes from their directories. Layers have no records then and are unpacked again
// from their blobs when they are needed; what a container has written stays. Lost are networks,
// leases, and how containers have ended.

#include "base/time.h"
#include "storage/db/database.h"
#include "storage/paths.h"

namespace nau::storage {

/// Whether there is something from which a lost database could be rebuilt.
bool has_copies(const Paths& paths);

/// Fills a new database. @pre it has its tables, and no rows
void rebuild_database(Database& db, const Paths& paths, Time now);

}  // namespace nau::storage
