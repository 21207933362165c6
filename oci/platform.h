#pragma once

// What an image is built for: operating system, architecture in Go's names, and a variant of the
// architecture ("v7" of arm, "v3" of amd64). A variant that every machine of the architecture has
// (arm64 v8, amd64 v1) is normalised to the empty text.
//
// A machine runs its own variant and the lower ones, so a wanted platform stands for a list of
// acceptable ones, best first; the place in that list is the rank:
//
//   linux/arm64     arm64, arm/v8, arm/v7, arm/v6, arm/v5
//   linux/amd64/v3  amd64/v3, amd64/v2, amd64, 386
//   linux/arm/v7    arm/v7, arm/v6, arm/v5
//   anything else   itself

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/json.h"

namespace nau::oci {

struct Descriptor;

struct Platform {
    std::string os;
    std::string architecture;
    std::string variant = {};
    std::string os_version = {};
    std::vector<std::string> os_features = {};

    bool operator==(const Platform&) const = default;
};

/// "linux/arm/v7"; the operating system's version and features are left out.
std::string to_string(const Platform& platform);

/// Go's spelling of the names, lower case, redundant variants dropped, a missing one of arm set.
Platform normalize(Platform platform);

/// OS, ARCH, OS/ARCH or OS/ARCH/VARIANT in any usual spelling, normalised; what is missing is the
/// host's. OS may be followed by its version in parentheses. @throws Error{invalid}
Platform parse_platform(std::string_view text);

/// A platform object of a descriptor or an image config, normalised. @throws Error{corrupt}
Platform parse_platform(const json::Field& field);
json::Value to_json(const Platform& platform);

/// The platform of the running kernel and processor, with the highest variant it supports.
Platform host_platform();

/// Pure part of host_platform(): `machine` is utsname's, `x86_64_level` 1 to 4.
Platform platform_of_machine(std::string_view machine, int x86_64_level);

/// The place of `candidate` among what may run on `wanted`, 0 is best; nullopt: does not run.
std::optional<size_t> match_rank(const Platform& candidate, const Platform& wanted);

/// The best descriptor of an index for the wanted platform, the first of equals; nullptr when there
/// is none. Attestations and other manifests for unknown/unknown never count. A descriptor without
/// platform counts only when no other matches: its image config tells then what it is.
const Descriptor* choose_platform(std::span<const Descriptor> manifests, const Platform& wanted);

}  // namespace nau::oci
