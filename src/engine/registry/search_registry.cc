#include "engine/registry/search_registry.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "config/registries_conf.h"
#include "engine/engine.h"
#include "engine/image/registry_access.h"
#include "oci/reference.h"
#include "oci/registry/client.h"

namespace nau::engine {

namespace {

bool is_wanted(const oci::FoundRepository& found, const SearchOptions& options) {
    return (!options.min_stars || found.stars >= *options.min_stars) &&
           (!options.is_official || found.is_official == *options.is_official) &&
           (!options.is_automated || found.is_automated == *options.is_automated);
}

/// docker.io calls its own images by one word.
std::string name_at(const std::string& registry, const std::string& repository) {
    const bool is_hubs_own =
        registry == oci::kDefaultRegistry && repository.find('/') == std::string::npos;
    return fmt::format("{}/{}{}", registry, is_hubs_own ? "library/" : "", repository);
}

void search_one(oci::RegistryClient& client,
                const std::string& registry,
                const std::string& word,
                const SearchOptions& options,
                std::vector<FoundImage>& images) {
    for (auto& found : client.search(registry, word, options.limit)) {
        if (is_wanted(found, options)) {
            images.push_back({.registry = registry,
                              .name = name_at(registry, found.name),
                              .description = std::move(found.description),
                              .stars = found.stars,
                              .is_official = found.is_official,
                              .is_automated = found.is_automated});
        }
    }
}

std::vector<std::string> searched_registries(Engine& engine, const SearchTerm& term) {
    if (!term.registry.empty()) {
        return {term.registry};
    }
    const auto& configured = engine.registries_conf().search_registries;
    return configured && !configured->empty()
               ? *configured
               : std::vector<std::string>{std::string(oci::kDefaultRegistry)};
}

}  // namespace

SearchTerm parse_search_term(const std::string& term) {
    const size_t slash = term.find('/');
    const std::string first = term.substr(0, slash);
    const bool is_registry =
        slash != std::string::npos &&
        (first == "localhost" || first.find_first_of(".:") != std::string::npos);
    return is_registry ? SearchTerm{.registry = first, .word = term.substr(slash + 1)}
                       : SearchTerm{.registry = {}, .word = term};
}

std::vector<FoundImage> search_registries(Engine& engine,
                                          const SearchOptions& options,
                                          std::stop_token stop) {
    const SearchTerm term = parse_search_term(options.term);
    const auto client = oci::make_registry_client(
        client_options(engine, options.registry, RegistryUse::write, nullptr, std::move(stop)));
    const auto registries = searched_registries(engine, term);
    std::vector<FoundImage> images;
    size_t failures = 0;
    for (const auto& registry : registries) {
        try {
            doing([&] { return fmt::format("searching {}", registry); },
                  [&] { search_one(*client, registry, term.word, options, images); });
        } catch (const Error& error) {
            ++failures;
            if (failures == registries.size() || error.kind() == ErrorKind::interrupted) {
                throw;
            }
            NAU_LOG_WARN("{}, ignoring", error.text());
        }
    }
    return images;
}

std::vector<FoundImage> list_repository_tags(Engine& engine,
                                             const SearchOptions& options,
                                             std::stop_token stop) {
    const oci::Reference repository = candidate_references(engine, options.term).front();
    const auto client = oci::make_registry_client(
        client_options(engine, options.registry, RegistryUse::read, nullptr, std::move(stop)));
    std::vector<FoundImage> images;
    for (auto& tag : client->list_tags(repository)) {
        if (images.size() == options.limit) {
            break;
        }
        images.push_back(
            {.registry = repository.registry(), .name = repository.name(), .tag = std::move(tag)});
    }
    return images;
}

}  // namespace nau::engine
