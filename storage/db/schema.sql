-- The schema of nau.db, as a new database gets it. Older ones get there by db/migrations/NNNN.sql.
-- `PRAGMA user_version` is the number of the newest migration that is contained here (1: this file
-- as it was first released); a database with a higher number is refused.
--
-- Times are nanoseconds since the epoch, UTC. Labels and lists are JSON text. Digests and chainIDs
-- are text ("sha256:…"). Booleans are 0 and 1. Absent is NULL, never an empty text with a meaning.
--
-- Every command parses this when it first uses a table, and each page that a transaction touches
-- is written to the log that the next command reads: few tables, few indexes, narrow rows where
-- rows change often. Comments are taken out before the text is stored.

-- Facts about the store itself.
--   boot_id  the boot in which recover_after_boot() last ran
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Tenants.
CREATE TABLE namespaces (
    name    TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    labels  TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

-- A name for a descriptor. The columns from manifest_digest on are a cache of what following the
-- descriptor found.
CREATE TABLE images (
    seq             INTEGER PRIMARY KEY,             -- grows: the order of creation
    namespace       TEXT NOT NULL REFERENCES namespaces(name),
    name            TEXT NOT NULL,                   -- canonical reference
    media_type      TEXT NOT NULL,
    digest          TEXT NOT NULL,
    size            INTEGER NOT NULL,                -- of the blob that `digest` names
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    manifest_digest TEXT,
    image_id        TEXT,                            -- digest of the image config
    chain_id        TEXT,                            -- of all layers
    platform        TEXT NOT NULL,
    size_bytes      INTEGER NOT NULL,                -- of the compressed layers
    image_created   INTEGER,
    labels          TEXT NOT NULL,
    UNIQUE (namespace, name)
) STRICT;

-- Containers: what a listing shows, and the state, which is a hint (the kernel knows better).
CREATE TABLE containers (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    namespace       TEXT NOT NULL REFERENCES namespaces(name),
    name            TEXT NOT NULL,
    image_name      TEXT NOT NULL,
    image_id        TEXT,
    manifest_digest TEXT,
    snapshot_key    TEXT NOT NULL,
    command         TEXT NOT NULL,
    networks        TEXT NOT NULL,
    mounts          TEXT NOT NULL,
    labels          TEXT NOT NULL,
    created         INTEGER NOT NULL,
    auto_remove     INTEGER NOT NULL,
    status          TEXT NOT NULL,
    pid             INTEGER NOT NULL,                -- of init, 0: none
    pid_start       INTEGER NOT NULL,                -- clock ticks since boot
    monitor_pid     INTEGER NOT NULL,
    monitor_start   INTEGER NOT NULL,
    boot_id         TEXT NOT NULL,                   -- in which the pids mean something
    started_at      INTEGER,
    finished_at     INTEGER,
    exit_code       INTEGER,                         -- NULL: not ended, or not known
    exit_signal     INTEGER NOT NULL,
    oom_killed      INTEGER NOT NULL,
    error           TEXT NOT NULL,
    restart_count   INTEGER NOT NULL,
    UNIQUE (namespace, name)
) STRICT;

-- The big texts of a container, apart so that neither a listing nor a change of state touches them.
CREATE TABLE container_documents (
    container INTEGER PRIMARY KEY REFERENCES containers(seq) ON DELETE CASCADE,
    config    TEXT NOT NULL,                         -- the engine's own
    spec      TEXT NOT NULL                          -- runtime spec
) STRICT;

CREATE TABLE exec_sessions (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    container     INTEGER NOT NULL REFERENCES containers(seq) ON DELETE CASCADE,
    created       INTEGER NOT NULL,
    config        TEXT NOT NULL,
    is_running    INTEGER NOT NULL,
    pid           INTEGER NOT NULL,
    pid_start     INTEGER NOT NULL,
    monitor_pid   INTEGER NOT NULL,
    monitor_start INTEGER NOT NULL,
    boot_id       TEXT NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    exit_code     INTEGER
) STRICT;
CREATE INDEX exec_sessions_by_container ON exec_sessions(container);

-- Layer stacks and containers' file systems. `number` names the directory and is never used twice.
-- A parent is named by its key, not by a foreign key: a layer that a power cut has damaged is thrown
-- away and unpacked again while containers above it stay.
CREATE TABLE snapshots (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    key           TEXT NOT NULL UNIQUE,              -- committed: the chainID
    kind          INTEGER NOT NULL,                  -- 0 active, 1 view, 2 committed
    parent        TEXT,                              -- key of a committed one
    lease         TEXT,                              -- NULL: the container `key`, or committed
    unsynced_boot TEXT,                              -- NULL: durable
    created       INTEGER NOT NULL,
    size_bytes    INTEGER,
    inodes        INTEGER,
    labels        TEXT NOT NULL
) STRICT;

-- What keeps unreferenced content alive for a while.
CREATE TABLE leases (
    id           TEXT PRIMARY KEY,
    namespace    TEXT NOT NULL REFERENCES namespaces(name),
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    holder_pid   INTEGER NOT NULL,                   -- 0: none
    holder_start INTEGER NOT NULL,
    boot_id      TEXT NOT NULL,
    labels       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_references (
    lease TEXT NOT NULL REFERENCES leases(id) ON DELETE CASCADE,
    kind  INTEGER NOT NULL,                          -- 0 blob (and its ingest), 1 committed snapshot
    key   TEXT NOT NULL,
    PRIMARY KEY (lease, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE volumes (
    seq          INTEGER PRIMARY KEY,
    namespace    TEXT NOT NULL REFERENCES namespaces(name),
    name         TEXT NOT NULL,
    driver       TEXT NOT NULL,
    labels       TEXT NOT NULL,
    options      TEXT NOT NULL,
    created      INTEGER NOT NULL,
    is_anonymous INTEGER NOT NULL,
    is_used      INTEGER NOT NULL,
    UNIQUE (namespace, name)
) STRICT;

-- Which containers mount which volumes.
CREATE TABLE volume_users (
    container INTEGER NOT NULL REFERENCES containers(seq) ON DELETE CASCADE,
    volume    INTEGER NOT NULL REFERENCES volumes(seq),
    PRIMARY KEY (container, volume)
) STRICT, WITHOUT ROWID;

CREATE TABLE networks (
    seq       INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    namespace TEXT NOT NULL REFERENCES namespaces(name),
    name      TEXT NOT NULL,
    driver    TEXT NOT NULL,
    labels    TEXT NOT NULL,
    created   INTEGER NOT NULL,
    config    TEXT NOT NULL,
    UNIQUE (namespace, name)
) STRICT;

-- Which container holds which address. One that is not static goes when its container stops, and at
-- the latest when somebody needs it and finds that its container does not run.
CREATE TABLE network_addresses (
    network   TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE,
    address   TEXT NOT NULL,
    container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    is_static INTEGER NOT NULL,
    PRIMARY KEY (network, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX network_addresses_by_container ON network_addresses(container);

-- The address that was given out last: one that has become free is not used again at once.
CREATE TABLE network_cursors (
    network TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE,
    subnet  TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (network, subnet)
) STRICT, WITHOUT ROWID;

-- What a listing shows of those containers that publish ports.
CREATE TABLE published_ports (
    container TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    ports     TEXT NOT NULL                          -- the engine's own
) STRICT, WITHOUT ROWID;
