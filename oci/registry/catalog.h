#pragma once

// What a registry has: tags of a repository, and repositories by name. Answers come in pages
// (distribution-spec v1.1, Listing Tags), each naming the next by a Link header.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/registry/session.h"

namespace nau::oci {

/// @throws as RegistryClient::list_tags
std::vector<std::string> list_tags(RegistrySession& session, const Reference& repository);

/// @throws as RegistryClient::search
std::vector<FoundRepository> search_registry(RegistrySession& session,
                                             std::string_view registry,
                                             std::string_view term,
                                             size_t limit);

/// The path and query of the next page: the target of a Link header with rel="next", which must
/// stay on the page's own origin. nullopt: this was the last. Pure.
std::optional<std::string> next_page(const HttpResponse& response);

/// The answer of the first version's search, which docker.io still gives. Pure.
/// @throws Error{corrupt}
std::vector<FoundRepository> parse_search_results(std::string_view body);

}  // namespace nau::oci
