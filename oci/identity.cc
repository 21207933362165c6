#include "oci/identity.h"

#include <fmt/core.h>

namespace nau::oci {

std::vector<ChainId> chain_ids(std::span<const DiffId> diff_ids) {
    std::vector<ChainId> chain;
    chain.reserve(diff_ids.size());
    for (const auto& diff_id : diff_ids) {
        if (chain.empty()) {
            chain.emplace_back(diff_id.digest());
        } else {
            chain.emplace_back(digest_of(fmt::format("{} {}", chain.back(), diff_id)));
        }
    }
    return chain;
}

}  // namespace nau::oci
