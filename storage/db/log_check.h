#pragma once

// What SQLite does not tell of its write-ahead log. It reads frames up to the first one whose
// checksum is wrong and takes that for the end, because a killed writer leaves such an end; of a
// header that it cannot read it makes an empty log. Both would silently take commits back.
// Format: sqlite.org/walformat.html.

#include <cstdint>
#include <functional>
#include <span>

#include "storage/db/database.h"

namespace nau::storage {

/// Fills `to` from `offset` on; false: there is not so much.
using LogReader = std::function<bool(std::span<char> to, int64_t offset)>;

/// `frames` is how many of them SQLite sees. A torn end is none: behind that no commit of this
/// log's generation follows. Zeros in place of a header are none either: a power cut leaves them.
Database::LogDamage find_log_damage(const LogReader& read, int64_t frames);

}  // namespace nau::storage
