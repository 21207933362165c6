#pragma once

// A descriptor points at content: what it claims to be, its digest and its size. Whoever follows
// one verifies all three. image-spec v1.1 descriptor.md.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/json.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace nau::oci {

using Annotations = std::map<std::string, std::string>;

struct Descriptor {
    std::string media_type;
    Digest digest;
    uint64_t size_bytes = 0;
    /// Where else the content can be had; only http and https survive parsing.
    std::vector<std::string> urls = {};
    Annotations annotations = {};
    std::optional<Platform> platform = {};
    std::string artifact_type = {};
    /// The content itself, decoded from base64, when the descriptor embeds it. Not verified yet.
    std::optional<std::string> data = {};

    bool operator==(const Descriptor&) const = default;
};

/// @throws Error{corrupt} naming the member
Descriptor parse_descriptor(const json::Field& field);
json::Value to_json(const Descriptor& descriptor);

}  // namespace nau::oci
