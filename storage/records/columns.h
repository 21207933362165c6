#pragma once

// How values stand in columns. Private to records/.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "oci/digest.h"
#include "storage/db/database.h"

namespace nau::storage {

inline int64_t to_column(Time time) {
    return time.time_since_epoch().count();
}
inline Time to_time(int64_t nanoseconds) {
    return Time(std::chrono::nanoseconds(nanoseconds));
}

inline std::optional<int64_t> to_column(const std::optional<Time>& time) {
    return time ? std::optional(to_column(*time)) : std::nullopt;
}

inline std::optional<Time> to_time(const std::optional<int64_t>& nanoseconds) {
    return nanoseconds ? std::optional(to_time(*nanoseconds)) : std::nullopt;
}

template <typename Digest>
std::optional<std::string> to_column(const std::optional<Digest>& digest) {
    return digest ? std::optional(digest->to_string()) : std::nullopt;
}

template <typename Digest>
std::optional<Digest> digest_column(const Statement& row, int column) {
    return row.is_null(column) ? std::nullopt : std::optional(Digest::parse(row.text(column)));
}

/// Inserts the namespace's row unless it is there.
void ensure_namespace(Transaction& tx, std::string_view name, Time now);

}  // namespace nau::storage
