#pragma once

// What all questions to registries have in common: which hosts to ask in which order, who asks,
// when to ask again. Reading (client), writing (upload) and listing (catalog) stand on it. May be
// used from several threads.
//
//   at_endpoints ─▶ mirror, mirror, … the repository itself
//        └─ with_retries ─▶ again after 429, 5xx, a lost connection
//               └─ send ─▶ origin that is known to answer, else one after the other
//                     └─ 401 ─▶ auth ─▶ token or password, twice at most

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"
#include "oci/registry/auth.h"
#include "oci/registry/client.h"
#include "oci/registry/http.h"
#include "oci/registry/resolver.h"

namespace nau::oci {

/// How one request is repeated.
struct RetryRules {
    std::stop_token stop = {};
    /// How far the transfer has come: each further MiB allows as many failures again.
    std::function<uint64_t()> progress = {};
    int max_attempts = 0;  ///< 0: the client's
    /// Asked after a failure: whether no other endpoint can help either.
    std::function<bool()> is_final = {};
};

class RegistrySession {
  public:
    explicit RegistrySession(ClientOptions options);

    const ClientOptions& options() const noexcept { return options_; }
    HttpClient& http() noexcept { return http_; }

    /// At least one; the last is the repository itself.
    std::vector<RegistryEndpoint> endpoints_of(const Reference& reference) const;

    /// The registry itself, for questions that concern no repository.
    RegistryEndpoint endpoint_of_registry(std::string_view registry) const;

    /// Asks one endpoint after the other; what goes wrong with a mirror is a warning.
    /// @throws what `action` throws for the last one, and Error{interrupted}
    HttpResponse at_endpoints(
        const std::vector<RegistryEndpoint>& endpoints,
        const std::function<HttpResponse(const RegistryEndpoint&, const RetryRules&)>& action,
        RetryRules rules = {});

    HttpResponse with_retries(const RetryRules& rules, const std::function<HttpResponse()>& action);

    /// One request and, where it is challenged, its repetition. `request.url` is filled in here.
    /// @param target path and query, for a mirror of several registries completed by "?ns="
    HttpResponse send(const RegistryEndpoint& endpoint,
                      AuthSubject subject,
                      HttpRequest request,
                      const std::string& target);
    /// As above, to a URL that the registry gave out: authorized only at the endpoint's own origin.
    HttpResponse send_to(const RegistryEndpoint& endpoint,
                         AuthSubject subject,
                         HttpRequest request,
                         const Url& url);

    static AuthSubject subject_of(const RegistryEndpoint& endpoint) {
        return {.registry = endpoint.registry, .repository = endpoint.repository};
    }

  private:
    TlsPolicy policy_of(const RegistryEndpoint& endpoint) const noexcept;
    HttpResponse send_authorized(const AuthSubject& subject, HttpRequest& request);
    std::optional<Url> known_origin(const std::string& registry);
    void remember_origin(const std::string& registry, const Url& origin);
    bool is_given_up(const RegistryEndpoint& mirror);
    void give_up(const RegistryEndpoint& mirror);
    void wait(std::chrono::milliseconds duration, const std::stop_token& stop);

    ClientOptions options_;
    HttpClient http_;
    Authenticator authenticator_;
    std::mutex mutex_;  // guards what follows
    std::map<std::string, Url> origins_;
    /// Mirrors that failed otherwise than by not having something.
    std::set<std::string> given_up_;
};

}  // namespace nau::oci
