#pragma once

// Which nodes are reachable: pure, over nodes. What the edges are is the caller's business.

#include <compare>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace nau::storage::gc {

enum class NodeKind {
    blob,      ///< key: digest
    ingest,    ///< key: digest
    snapshot,  ///< key: snapshot key
};

struct Node {
    NodeKind kind = NodeKind::blob;
    std::string key = {};

    friend auto operator<=>(const Node&, const Node&) = default;
    friend bool operator==(const Node&, const Node&) = default;
};

/// What a node refers to.
using References = std::function<std::vector<Node>(const Node&)>;

/// Adds everything reachable from `roots` to `marked`; each node is asked once, and those that are
/// marked already are not asked again. Cycles are fine.
void mark(std::span<const Node> roots, const References& references, std::set<Node>& marked);

}  // namespace nau::storage::gc
