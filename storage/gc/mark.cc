#include "storage/gc/mark.h"

namespace nau::storage::gc {

void mark(std::span<const Node> roots, const References& references, std::set<Node>& marked) {
    std::vector<Node> pending;
    const auto visit = [&](const Node& node) {
        if (marked.insert(node).second) {
            pending.push_back(node);
        }
    };
    for (const auto& root : roots) {
        visit(root);
    }
    while (!pending.empty()) {
        const Node node = std::move(pending.back());
        pending.pop_back();
        for (const auto& reference : references(node)) {
            visit(reference);
        }
    }
}

}  // namespace nau::storage::gc
