#pragma once

// `nau namespace` and `nau lease`: tenants, and what keeps content alive that no image refers to.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace nau::engine {

class Engine;

struct NamespaceSummary {
    std::string name;
    Time created;
    std::map<std::string, std::string> labels;
    uint64_t image_count = 0;
    uint64_t container_count = 0;
};

/// By name.
std::vector<NamespaceSummary> list_namespaces(Engine& engine);
/// @throws Error{already_exists}; {invalid} a name that is not plain
void create_namespace(Engine& engine,
                      const std::string& name,
                      const std::map<std::string, std::string>& labels);
/// @throws Error{not_found}; {in_use} when something is in it
void remove_namespace(Engine& engine, const std::string& name);

struct LeaseSummary {
    std::string id;
    Time created;
    Time expires;
    int holder_pid = 0;  ///< 0: nobody; the expiry alone counts
    bool is_held = false;
    uint64_t blob_count = 0;
    uint64_t snapshot_count = 0;
};

/// Of this namespace.
std::vector<LeaseSummary> list_leases(Engine& engine);
/// What only it kept goes with the next collection. @throws Error{not_found}; {in_use} while the
/// process that holds it lives, unless `is_forced`
void remove_lease(Engine& engine, const std::string& id, bool is_forced);

}  // namespace nau::engine
