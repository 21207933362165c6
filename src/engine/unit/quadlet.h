#pragma once

// Quadlet's files (podman-systemd.unit(5)), .container, .volume and .network, translated to
// services that call nau. Pure: what a key becomes stands in quadlet_keys.cc.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/unit/unit_text.h"

namespace nau::engine::unit {

enum class QuadletKind { container, volume, network };

struct QuadletFile {
    std::string name;  ///< "web.container"
    std::string path;  ///< for SourcePath= and for relative paths
    QuadletKind kind{};
    UnitText text;
};

/// Of a file's name. @throws Error{unsupported} for .kube, .pod, .image, .build and all others
QuadletKind quadlet_kind(std::string_view file_name);

/// What other files of the set are called: "data.volume" → its service and its object.
struct QuadletNames {
    std::string service;  ///< "data-volume"
    std::string object;   ///< "systemd-data"; of a container its name
};
using QuadletSet = std::map<std::string, QuadletNames>;
QuadletNames names_of(const QuadletFile& file);

struct GeneratedUnit {
    std::string name;  ///< "web.service"
    std::string text;
    /// Names of links to it, relative to the directory of units:
    /// "multi-user.target.wants/web.service".
    std::vector<std::string> links;
};

/// @param program the words that call nau, global flags included
/// @throws Error{invalid}, {unsupported} naming file, line and key
GeneratedUnit translate_quadlet(const QuadletFile& file,
                                const QuadletSet& others,
                                const std::vector<std::string>& program);

}  // namespace nau::engine::unit
