#include "oci/registry/auth.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "oci/base64.h"
#include "oci/registry/registry_error.h"
#include "oci/registry/retry.h"

namespace nau::oci {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr size_t kMaxTokenBytes = size_t{1} << 20U;
constexpr seconds kDefaultLifetime{60};  // docker's token protocol, when it does not say
constexpr seconds kMaxLifetime{24 * 3600};
constexpr seconds kMargin{10};  // a token is renewed so long before it expires

// --- the grammar of WWW-Authenticate

bool is_token_character(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class ChallengeReader {
  public:
    explicit ChallengeReader(std::string_view text) : rest_(text) {}

    std::vector<AuthChallenge> read() {
        std::vector<AuthChallenge> challenges;
        while (skip_separators(), !rest_.empty()) {
            const std::string word(take_token());
            if (word.empty()) {
                break;  // no grammar: what follows cannot be told
            }
            skip_blanks();
            if (!rest_.starts_with('=')) {
                challenges.push_back({.scheme = to_lower(word)});
                continue;
            }
            if (challenges.empty() || !take_value(challenges.back(), word)) {
                break;
            }
        }
        return challenges;
    }

  private:
    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }
    void skip_separators() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t,"), rest_.size()));
    }

    std::string_view take_token() {
        const auto* end = std::find_if_not(rest_.begin(), rest_.end(), is_token_character);
        const auto token = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
        rest_.remove_prefix(token.size());
        return token;
    }

    /// The text after the name: "=" value. The first of equal names counts.
    bool take_value(AuthChallenge& challenge, const std::string& name) {
        rest_.remove_prefix(1);
        skip_blanks();
        std::string value;
        if (!rest_.starts_with('"')) {
            value = take_token();
        } else if (!take_quoted(value)) {
            return false;
        }
        challenge.parameters.emplace(to_lower(name), std::move(value));
        return true;
    }

    bool take_quoted(std::string& value) {
        for (size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                return true;
            }
            i += rest_[i] == '\\' && i + 1 < rest_.size() ? 1U : 0U;
            value.push_back(rest_[i]);
        }
        return false;
    }

    std::string_view rest_;
};

/// What may stand in a header line.
bool is_header_safe(std::string_view text) noexcept {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string parameter(const AuthChallenge& challenge, const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? "" : found->second;
}

const AuthChallenge* find_scheme(const std::vector<AuthChallenge>& challenges,
                                 std::string_view scheme) {
    const auto found = std::find_if(
        challenges.begin(), challenges.end(), [&](const auto& c) { return c.scheme == scheme; });
    return found == challenges.end() ? nullptr : &*found;
}

std::string default_scope(const AuthSubject& subject) {
    return subject.repository.empty()
               ? ""
               : fmt::format(
                     "repository:{}:{}", subject.repository, subject.pushes ? "pull,push" : "pull");
}

Error refused_error(const AuthSubject& subject, const Url& realm, const HttpResponse& response) {
    return Error(ErrorKind::permission_denied,
                 "token server {} refuses {}: {}",
                 authority_of(realm),
                 subject.registry,
                 describe_failure(response))
        .with_hint(fmt::format("log in again: nau login {}", subject.registry));
}

}  // namespace

std::vector<AuthChallenge> parse_auth_challenges(std::string_view header) {
    return ChallengeReader(header).read();
}

std::string basic_authorization(const Credentials& credentials) {
    return fmt::format(
        "Basic {}",
        encode_base64(fmt::format("{}:{}", credentials.username, credentials.password)));
}

Token parse_token(std::string_view body) {
    const json::Value document = json::parse(body, "token");
    const json::Field root(document, "token");
    // The distribution's name, and OAuth2's.
    std::string value = root.string_or("token", "");
    if (value.empty()) {
        value = root.string_or("access_token", "");
    }
    if (!is_header_safe(value)) {
        root.fail("has no usable token");
    }
    const auto lifetime = root.find("expires_in");
    // Fractions and nonsense have been seen in the wild: then the default.
    const bool is_usable = lifetime && lifetime->value().is_number_integer() &&
                           lifetime->value().get<int64_t>() >= kDefaultLifetime.count();
    return {.value = std::move(value),
            .lifetime = is_usable
                            ? std::min(kMaxLifetime, seconds(lifetime->value().get<int64_t>()))
                            : kDefaultLifetime};
}

Authenticator::Authenticator(HttpClient& http, Options options)
    : http_(http), options_(std::move(options)) {
    if (!options_.now) {
        options_.now = [] { return steady_clock::now(); };
    }
}

std::string Authenticator::authorization_for(const AuthSubject& subject) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(subject);
    return found == entries_.end() || options_.now() >= found->second.expires
               ? ""
               : found->second.header;
}

std::optional<Credentials> Authenticator::find_credentials(const AuthSubject& subject) {
    return options_.credentials ? options_.credentials->find(subject.registry, subject.repository)
                                : std::nullopt;
}

std::optional<std::string> Authenticator::answer(const AuthSubject& subject,
                                                 const HttpResponse& response,
                                                 std::string_view sent) {
    const std::lock_guard answering(answering_);
    {
        // Another thread may have fetched a token while this one's request was under way.
        const std::string current = authorization_for(subject);
        if (!current.empty() && current != sent) {
            return current;
        }
    }
    std::vector<AuthChallenge> challenges;
    for (const auto header : response.headers.find_all("www-authenticate")) {
        auto more = parse_auth_challenges(header);
        challenges.insert(challenges.end(),
                          std::make_move_iterator(more.begin()),
                          std::make_move_iterator(more.end()));
    }
    std::optional<Entry> entry;
    if (const AuthChallenge* bearer = find_scheme(challenges, "bearer")) {
        entry = answer_bearer(subject, *bearer, response.url);
    } else if (find_scheme(challenges, "basic") != nullptr) {
        if (const auto credentials = find_credentials(subject)) {
            entry = Entry{basic_authorization(*credentials), steady_clock::time_point::max()};
        }
    }
    if (!entry || entry->header == sent) {
        return std::nullopt;
    }
    const std::lock_guard lock(mutex_);
    return entries_.insert_or_assign(subject, *std::move(entry)).first->second.header;
}

std::optional<Authenticator::Entry> Authenticator::answer_bearer(const AuthSubject& subject,
                                                                 const AuthChallenge& challenge,
                                                                 const Url& registry_url) {
    const auto realm = parse_url(parameter(challenge, "realm"));
    if (!realm) {
        throw Error(ErrorKind::corrupt,
                    "{} asks for a token of an invalid realm",
                    authority_of(registry_url));
    }
    // A registry elsewhere has no business with what listens on this machine.
    const bool is_local = is_loopback_host(realm->host) && is_loopback_host(registry_url.host);
    const bool is_trusted = realm->is_https() || is_local || !subject.verifies_tls;
    if (!is_trusted) {
        throw Error(ErrorKind::permission_denied,
                    "{} asks for a token of {}, which is not https",
                    authority_of(registry_url),
                    origin_of(*realm));
    }
    std::string scope = parameter(challenge, "scope");
    // A push begins with a question, and would need another token as soon as it writes.
    const bool is_too_little = subject.pushes && scope.find("push") == std::string::npos;
    if (scope.empty() || is_too_little) {
        scope = default_scope(subject);
    }
    if (!subject.mounts_from.empty()) {
        scope += fmt::format(" repository:{}:pull", subject.mounts_from);
    }
    const Token token = fetch_token(subject, *realm, parameter(challenge, "service"), scope);
    return Entry{fmt::format("Bearer {}", token.value), options_.now() + token.lifetime - kMargin};
}

Token Authenticator::fetch_token(const AuthSubject& subject,
                                 const Url& realm,
                                 const std::string& service,
                                 const std::string& scope) {
    const auto credentials = find_credentials(subject);
    HttpRequest request{.url = realm, .max_body_bytes = kMaxTokenBytes};
    std::string query = fmt::format("service={}", percent_encode(service));
    for (const auto word : split(scope, ' ')) {
        if (!word.empty()) {
            query += fmt::format("&scope={}", percent_encode(word));
        }
    }
    if (credentials && !credentials->identity_token.empty()) {
        request.method = HttpMethod::post;
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        // OAuth2 has one scope parameter of several words.
        request.body = fmt::format(
            "grant_type=refresh_token&service={}&client_id=nau&scope={}&refresh_token={}",
            percent_encode(service),
            percent_encode(scope),
            percent_encode(credentials->identity_token));
    } else {
        request.url.target += realm.target.find('?') == std::string::npos ? "?" : "&";
        request.url.target += query;
        if (credentials) {
            request.url.target += fmt::format("&account={}", percent_encode(credentials->username));
            request.authorization = basic_authorization(*credentials);
        }
    }
    NAU_LOG_DEBUG("auth: {} token of {} for {} '{}'",
                  credentials ? "user's" : "anonymous",
                  authority_of(realm),
                  subject.registry,
                  scope);
    request.verifies_tls = subject.verifies_tls;
    const HttpResponse response = http_.send(request);
    if (response.status == 401 || response.status == 403) {
        throw refused_error(subject, realm, response);
    }
    if (is_transient_status(response.status)) {
        throw HttpError(HttpError::Cause::broken,
                        ErrorKind::unavailable,
                        "token server {} answers: {}",
                        authority_of(realm),
                        describe_failure(response));
    }
    if (!response.is_success()) {
        throw Error(ErrorKind::permission_denied,
                    "token server {} answers: {}",
                    authority_of(realm),
                    describe_failure(response));
    }
    return doing([&] { return fmt::format("token server {}", authority_of(realm)); },
                 [&] { return parse_token(response.body); });
}

}  // namespace nau::oci
