#pragma once

// How a registry is told who asks. It answers 401 with challenges; for "Bearer" a token is fetched
// from the realm it names, for the scope it names, with credentials or without; for "Basic" the
// credentials go to the registry itself:
//
//   client ──── GET /v2/… ──────────────▶ registry
//          ◀─── 401 Bearer realm="https://auth…",service="…",scope="repository:a:pull"
//          ──── GET realm?service=&scope= (Basic credentials, if any) ─▶ realm
//          ◀─── {"token": "…", "expires_in": 300}
//          ──── GET /v2/… Authorization: Bearer … ▶ registry
//
// Tokens are kept per registry and scope until shortly before they expire. A realm is
// asked only over https, but for one on loopback that a registry on loopback names, and for any
// when the registry is not verified.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/url.h"

namespace nau::oci {

/// One challenge of a WWW-Authenticate header. Scheme and parameter names are lower case.
struct AuthChallenge {
    std::string scheme;
    std::map<std::string, std::string> parameters = {};

    bool operator==(const AuthChallenge&) const = default;
};

/// RFC 9110, 11.6.1: several challenges may stand in one header. What does not fit the grammar is
/// left out. Pure.
std::vector<AuthChallenge> parse_auth_challenges(std::string_view header);

/// "Basic <base64>"
std::string basic_authorization(const Credentials& credentials);

struct Token {
    std::string value;
    std::chrono::seconds lifetime;

    bool operator==(const Token&) const = default;
};

/// A token server's answer. Pure. @throws Error{corrupt}
Token parse_token(std::string_view body);

/// Who asks which registry for what; one per registry and repository.
struct AuthSubject {
    /// As in references: "docker.io".
    std::string registry;
    /// May be empty: only the registry itself is asked.
    std::string repository = {};
    /// To write as well.
    bool pushes = false;
    /// A repository of the same registry that blobs are mounted from: a token is asked for both.
    std::string mounts_from = {};
    /// --tls-verify: whether a realm has to be https.
    bool verifies_tls = true;

    friend bool operator<(const AuthSubject& a, const AuthSubject& b) noexcept {
        const auto key = [](const AuthSubject& s) {
            return std::tie(s.registry, s.repository, s.pushes, s.mounts_from);
        };
        return key(a) < key(b);
    }
};

class Authenticator {
  public:
    struct Options {
        std::shared_ptr<CredentialSource> credentials = {};
        /// Empty: steady_clock::now.
        std::function<std::chrono::steady_clock::time_point()> now = {};
    };

    /// `http` must outlive this.
    Authenticator(HttpClient& http, Options options);

    /// The Authorization header to send from the start; empty when there is none yet.
    std::string authorization_for(const AuthSubject& subject);

    /// Answers a 401 of `response`, which the registry itself gave (not a host it redirected to).
    /// `sent` is the header that was refused.
    /// @return the header to try again with; nullopt when there is nothing better than what was
    /// sent. @throws Error{permission_denied} when the token server refuses, HttpError
    std::optional<std::string> answer(const AuthSubject& subject,
                                      const HttpResponse& response,
                                      std::string_view sent);

  private:
    struct Entry {
        std::string header;
        std::chrono::steady_clock::time_point expires;
    };

    std::optional<Entry> answer_bearer(const AuthSubject& subject,
                                       const AuthChallenge& challenge,
                                       const Url& registry_url);
    Token fetch_token(const AuthSubject& subject,
                      const Url& realm,
                      const std::string& service,
                      const std::string& scope);
    std::optional<Credentials> find_credentials(const AuthSubject& subject);

    HttpClient& http_;
    Options options_;
    std::mutex answering_;  // one at a time asks for a token, the others find it
    std::mutex mutex_;      // guards entries_
    std::map<AuthSubject, Entry> entries_;
};

}  // namespace nau::oci
