#pragma once

// Which images `nau images` lists. Pure.

#include <string>
#include <vector>

#include "engine/image/images.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

/// Keys: reference (with * and ?), dangling, label, label!, before, since, until, containers, id,
/// and readonly and intermediate, which no image is.
/// @throws Error{invalid} for another key; {not_found} when before= or since= names no image
std::vector<engine::ImageSummary> filter_images(std::vector<engine::ImageSummary> images,
                                                const Filters& filters,
                                                Time now);

/// "alpine", "library/alpine", "docker.io/library/alpine", each with or without ":TAG", may have *
/// and ?.
bool matches_reference(const engine::ImageSummary& image, std::string_view pattern);

/// '*' stands for any text without '/', '?' for one character but '/'.
bool matches_pattern(std::string_view text, std::string_view pattern) noexcept;

}  // namespace nau::subcommands
