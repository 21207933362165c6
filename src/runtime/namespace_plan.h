#pragma once

// The spec's namespaces, id maps and time offsets as flags of clone3 and files to join.

#include <cstdint>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace nau::runtime {

/// Which of the kinds (CLONE_NEW*) are not the caller's: new or joined.
struct OwnNamespaces {
    uint64_t created = 0;
    uint64_t joined = 0;

    bool has(uint64_t flag) const noexcept { return ((created | joined) & flag) != 0; }
};

OwnNamespaces plan_namespaces(const oci::RuntimeSpec& spec, InitPlan& plan);
void plan_user_namespace(const oci::RuntimeSpec& spec, const OwnNamespaces& own, InitPlan& plan);

/// @throws Error{invalid} naming `member`
void check_mappings(const std::vector<oci::spec::IdMapping>& mappings, const std::string& member);

}  // namespace nau::runtime
