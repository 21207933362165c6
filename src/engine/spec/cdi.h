#pragma once

// Devices by the names that their vendors give them: "vendor.com/class=name", as the Container
// Device Interface (CDI 0.8) describes them in files of the host. What such a device needs, nodes,
// mounts, variables, hooks, is added to the runtime spec.
//
//   /etc/cdi/*.json, /var/run/cdi/*.json ─▶ CdiSpec ─ find_cdi_edits(name) ─▶ CdiEdits
//                                                     ─ apply_cdi_edits() ─▶ runtime spec
//
// The files belong to the host's root; images have no say in them. Of two files that describe one
// device, the one in the later directory counts; two in one directory are a conflict.

#include <string>
#include <string_view>
#include <vector>

#include "engine/spec/spec_builder.h"
#include "oci/runtime_spec.h"

namespace nau::engine {

/// Whether a word of --device is such a name: no path, and of the form VENDOR/CLASS=NAME.
bool is_cdi_name(std::string_view word) noexcept;

/// What --gpus asks for: all, a number, or "device=0,1", as names of nvidia.com/gpu.
/// @throws Error{invalid}
std::vector<std::string> gpu_names(std::string_view text);

/// containerEdits of a specification.
struct CdiEdits {
    std::vector<std::string> env;
    /// path, hostPath and what the file says of the node; numbers that are missing are the host's.
    struct Node {
        oci::spec::Device device;
        std::string host_path;
        std::string permissions = "rwm";
    };
    std::vector<Node> nodes;
    std::vector<oci::spec::Mount> mounts;
    oci::spec::Hooks hooks;
    std::vector<uint32_t> further_gids;
};

struct CdiSpec {
    std::string kind;  ///< "vendor.com/class"
    CdiEdits edits;    ///< for any of its devices
    std::vector<std::pair<std::string, CdiEdits>> devices;
};

/// `file` is for errors. @throws Error{corrupt} naming the place
CdiSpec parse_cdi_spec(std::string_view text, const std::string& file);

/// All edits of these devices, each specification's own once. Reads the directories; with no names
/// it reads nothing. @throws Error{not_found} naming the device and the directories, {corrupt}
std::vector<CdiEdits> find_cdi_edits(const std::vector<std::string>& names);

/// @throws Error{not_found} a node that the host does not have
void apply_cdi_edits(const std::vector<CdiEdits>& edits, oci::RuntimeSpec& spec);

}  // namespace nau::engine
