#pragma once

// Which Snapshotter a store uses: decided once, when the store is made, and written beside the
// database, because the directories of one mean nothing to another. A store without that file is
// older than the choice and uses overlay.

#include <optional>
#include <string>
#include <string_view>

#include "storage/paths.h"

namespace nau::storage {

enum class Driver { overlay, vfs };

std::string_view to_string(Driver driver) noexcept;
std::optional<Driver> parse_driver(std::string_view text) noexcept;

/// @throws Error{unsupported} a name that this nau does not know
Driver read_driver(const Paths& paths);
/// Durable.
void write_driver(const Paths& paths, Driver driver);

}  // namespace nau::storage
