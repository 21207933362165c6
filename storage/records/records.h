#pragma once

// SQL ↔ structs, one class per table. Reads need no lock and see one consistent state per call;
// what writes takes the caller's transaction, so that several records change together.

#include "storage/db/database.h"
#include "storage/records/containers.h"
#include "storage/records/exec_sessions.h"
#include "storage/records/images.h"
#include "storage/records/leases.h"
#include "storage/records/namespaces.h"
#include "storage/records/networks.h"
#include "storage/records/volumes.h"

namespace nau::storage {

struct Records {
    explicit Records(Database& db)
        : namespaces(db),
          images(db),
          containers(db),
          exec_sessions(db),
          leases(db),
          volumes(db),
          networks(db) {}

    Namespaces namespaces;
    Images images;
    Containers containers;
    ExecSessions exec_sessions;
    Leases leases;
    Volumes volumes;
    Networks networks;
};

}  // namespace nau::storage
