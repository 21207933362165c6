#pragma once

// `nau search`: what registries have, by a word of the name.

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/registry_flags.h"

namespace nau::engine {

class Engine;

struct SearchOptions {
    /// [REGISTRY/]WORD. Without REGISTRY all are asked that names without one may mean.
    std::string term;
    size_t limit = 25;  ///< for each registry
    std::optional<int64_t> min_stars = {};
    std::optional<bool> is_official = {};
    std::optional<bool> is_automated = {};
    RegistryFlags registry = {};
};

struct FoundImage {
    std::string registry;
    std::string name;  ///< with the registry: "docker.io/library/alpine"
    std::string description = {};
    int64_t stars = 0;
    bool is_official = false;
    bool is_automated = false;
    std::string tag = {};  ///< of list_repository_tags()
};

/// @throws as the registry client; when several are asked, only if none answers
std::vector<FoundImage> search_registries(Engine& engine,
                                          const SearchOptions& options,
                                          std::stop_token stop);

/// --list-tags: the term is a repository. @throws as the registry client
std::vector<FoundImage> list_repository_tags(Engine& engine,
                                             const SearchOptions& options,
                                             std::stop_token stop);

/// "alpine" → no registry; "quay.io/fedora" → "quay.io" and "fedora". Pure.
struct SearchTerm {
    std::string registry;
    std::string word;
};
SearchTerm parse_search_term(const std::string& term);

}  // namespace nau::engine
