#include "oci/registry/catalog.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "oci/registry/registry_error.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxPageBytes = size_t{8} << 20U;
constexpr int kMaxPages = 1000;
constexpr size_t kPageSize = 1000;
constexpr size_t kMaxText = 4096;  // of one name or description
/// docker.io's search is another host than its registry.
constexpr std::string_view kHubSearchHost = "index.docker.io";
constexpr size_t kMaxHubPage = 100;

HttpResponse ask(RegistrySession& session,
                 const RegistryEndpoint& endpoint,
                 const std::string& target,
                 const RetryRules& rules) {
    return session.with_retries(rules, [&] {
        return session.send(endpoint,
                            RegistrySession::subject_of(endpoint),
                            HttpRequest{.max_body_bytes = kMaxPageBytes},
                            target);
    });
}

/// Strings of the list `member`, page after page, until there are `limit` of them.
template <typename Wanted>
void read_pages(RegistrySession& session,
                const RegistryEndpoint& endpoint,
                HttpResponse page,
                const char* member,
                const RetryRules& rules,
                Wanted take) {
    for (int count = 1;; ++count) {
        const json::Value document = json::parse(page.body, member);
        for (auto& name : json::Field(document, endpoint.registry).string_list_or_empty(member)) {
            if (name.size() <= kMaxText && !take(std::move(name))) {
                return;
            }
        }
        const auto next = next_page(page);
        if (!next) {
            return;
        }
        if (count == kMaxPages) {
            throw Error(ErrorKind::corrupt, "{} has too many pages", endpoint.registry);
        }
        page = ask(session, endpoint, *next, rules);
        if (!page.is_success()) {
            throw failure_error(page, member, endpoint.registry);
        }
    }
}

bool is_unknown_interface(const HttpResponse& response) noexcept {
    return response.status == 404 || response.status == 405 || response.status == 410 ||
           response.status == 501;
}

std::vector<FoundRepository> search_catalog(RegistrySession& session,
                                            const RegistryEndpoint& endpoint,
                                            std::string_view term,
                                            size_t limit) {
    HttpResponse page = ask(session, endpoint, fmt::format("/v2/_catalog?n={}", kPageSize), {});
    if (is_unknown_interface(page)) {
        throw Error(ErrorKind::unsupported, "{} can neither search nor list", endpoint.registry);
    }
    if (!page.is_success()) {
        throw failure_error(
            page, fmt::format("catalog of {}", endpoint.registry), endpoint.registry);
    }
    const std::string wanted = to_lower(term);
    std::vector<FoundRepository> found;
    size_t seen = 0;
    read_pages(session, endpoint, std::move(page), "repositories", {}, [&](std::string name) {
        if (to_lower(name).find(wanted) != std::string::npos) {
            found.push_back({.name = std::move(name)});
        }
        return found.size() < limit && ++seen < kMaxListed;
    });
    return found;
}

}  // namespace

std::optional<std::string> next_page(const HttpResponse& response) {
    for (const auto header : response.headers.find_all("link")) {
        const size_t begin = header.find('<');
        const size_t end = header.find('>', begin == header.npos ? 0 : begin);
        if (begin == header.npos || end == header.npos) {
            continue;
        }
        const std::string parameters = to_lower(header.substr(end + 1));
        if (parameters.find("rel=\"next\"") == parameters.npos &&
            parameters.find("rel=next") == parameters.npos) {
            continue;
        }
        const auto url = resolve_url(response.url, header.substr(begin + 1, end - begin - 1));
        if (url && is_same_origin(*url, response.url)) {
            return url->target;
        }
    }
    return std::nullopt;
}

std::vector<FoundRepository> parse_search_results(std::string_view body) {
    const json::Value document = json::parse(body, "search results");
    const json::Field root(document, "search results");
    std::vector<FoundRepository> found;
    if (const auto results = root.find("results")) {
        for (const auto& result : results->elements()) {
            FoundRepository repository{
                .name = result.at("name").as_string(),
                .description = result.string_or("description", "").substr(0, kMaxText),
                .stars = result.int64_or("star_count", 0),
                .is_official = result.bool_or("is_official", false),
                .is_automated = result.bool_or("is_automated", false)};
            if (repository.name.size() <= kMaxText) {
                found.push_back(std::move(repository));
            }
        }
    }
    return found;
}

std::vector<std::string> list_tags(RegistrySession& session, const Reference& repository) {
    std::vector<std::string> tags;
    const auto list = [&](const RegistryEndpoint& endpoint, const RetryRules& rules) {
        tags.clear();
        HttpResponse page =
            ask(session,
                endpoint,
                fmt::format("/v2/{}/tags/list?n={}", endpoint.repository, kPageSize),
                rules);
        if (!page.is_success()) {
            throw failure_error(page,
                                fmt::format("repository '{}'", repository.familiar_name()),
                                endpoint.registry);
        }
        read_pages(session, endpoint, page, "tags", rules, [&](std::string tag) {
            if (tags.size() == kMaxListed) {
                throw Error(ErrorKind::corrupt, "{} names too many tags", endpoint.registry);
            }
            if (is_valid_tag(tag)) {
                tags.push_back(std::move(tag));
            }
            return true;
        });
        return page;
    };
    (void)session.at_endpoints(session.endpoints_of(repository), list);
    return tags;
}

std::vector<FoundRepository> search_registry(RegistrySession& session,
                                             std::string_view registry,
                                             std::string_view term,
                                             size_t limit) {
    const bool is_hub = registry == kDefaultRegistry;
    const RegistryEndpoint endpoint = session.endpoint_of_registry(registry);
    const RegistryEndpoint searched{
        .registry = is_hub ? std::string(kHubSearchHost) : endpoint.registry,
        .repository = {},
        .is_insecure = endpoint.is_insecure};
    const HttpResponse response =
        ask(session,
            searched,
            fmt::format("/v1/search?q={}&n={}", percent_encode(term), std::min(limit, kMaxHubPage)),
            {});
    if (response.is_success()) {
        auto found = parse_search_results(response.body);
        found.resize(std::min(found.size(), limit));
        return found;
    }
    if (is_hub) {
        throw failure_error(response, fmt::format("search of {}", registry), registry);
    }
    return search_catalog(session, endpoint, term, limit);
}

}  // namespace nau::oci
