#pragma once

// A container as `nau ps` shows it: words for a table, fields for --format.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/container/containers.h"

namespace nau::subcommands {

/// "Up 2 hours", "Exited (0) 3 minutes ago", "Created". Pure.
std::string container_status_text(const engine::ContainerSummary& container, Time now);

/// The command as one line of at most some twenty characters, unless `is_whole`.
std::string command_text(const engine::ContainerSummary& container, bool is_whole);

/// Twelve digits, unless `is_whole`.
std::string short_id(const std::string& id, bool is_whole);

/// What a template sees: podman's and docker's names.
nlohmann::json container_fields(const engine::ContainerSummary& container, Time now, bool is_whole);
/// Field → heading.
nlohmann::json container_headings();

/// What --format json prints, in podman's shape.
nlohmann::json container_json(const engine::ContainerSummary& container, Time now);

}  // namespace nau::subcommands
