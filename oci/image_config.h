#pragma once

// The image config: how a container of the image is to be run by default, and the diffIDs of its
// layers. It is content, not policy: whoever uses a member checks it as he would a stranger's word.
// image-spec v1.1 config.md; Docker's members (Healthcheck, OnBuild, Shell, ArgsEscaped) are read
// too.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace nau::oci {

/// Larger image configs are refused.
inline constexpr size_t kMaxImageConfigBytes = size_t{8} << 20U;

struct Healthcheck {
    /// Empty: inherit; {"NONE"}; {"CMD", args…}; {"CMD-SHELL", line}.
    std::vector<std::string> test = {};
    // Zero means the default of whoever runs it.
    std::chrono::nanoseconds interval{0};
    std::chrono::nanoseconds timeout{0};
    std::chrono::nanoseconds start_period{0};
    std::chrono::nanoseconds start_interval{0};
    int64_t retries = 0;

    bool operator==(const Healthcheck&) const = default;
};

/// The member "config": defaults for containers.
struct ContainerDefaults {
    std::string user = {};
    /// "NAME=value"; entries without '=' or with an empty name are dropped while parsing, for some
    /// engines would fill them from the host's environment (CVE-2026-57231).
    std::vector<std::string> env = {};
    std::vector<std::string> entrypoint = {};
    std::vector<std::string> cmd = {};
    std::string working_dir = {};
    std::vector<std::string> volumes = {};
    std::map<std::string, std::string> labels = {};
    /// "80/tcp", as written.
    std::vector<std::string> exposed_ports = {};
    std::string stop_signal = {};
    std::vector<std::string> shell = {};
    std::optional<Healthcheck> healthcheck = {};
    std::vector<std::string> on_build = {};
    bool args_escaped = false;

    bool operator==(const ContainerDefaults&) const = default;
};

struct HistoryEntry {
    std::optional<Time> created = {};
    std::string created_by = {};
    std::string author = {};
    std::string comment = {};
    bool empty_layer = false;

    bool operator==(const HistoryEntry&) const = default;
};

struct ImageConfig {
    std::optional<Time> created = {};
    std::string author = {};
    Platform platform;
    ContainerDefaults config = {};
    /// Bottom layer first.
    std::vector<DiffId> diff_ids = {};
    std::vector<HistoryEntry> history = {};

    bool operator==(const ImageConfig&) const = default;
};

/// @throws Error{corrupt} naming the member
ImageConfig parse_image_config(std::string_view bytes);

/// The exact bytes to store and to take the digest of.
std::string to_json_text(const ImageConfig& config);

}  // namespace nau::oci
