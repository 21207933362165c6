#pragma once

// Other firewalls on this host: base chains that drop by policy what is forwarded or comes in. Only
// looked at, never touched.

#include <string>
#include <vector>

namespace nau::network {

/// One sentence per chain whose policy stands in the way of containers, or that a user may believe
/// to protect published ports although these pass it by. `own_table` is left out.
std::vector<std::string> find_foreign_obstacles(const std::string& own_table);

}  // namespace nau::network
