#include "oci/registry/session.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "oci/registry/registry_error.h"
#include "oci/registry/retry.h"
#include "sys/random.h"

namespace nau::oci {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSleepSlice{200};  // how late an interrupt that wakes nobody is seen
/// A transfer that has come so much further may fail as often again.
constexpr uint64_t kProgressBytes = uint64_t{1} << 20U;
constexpr int kMaxAuthRounds = 2;   // an expired token, then a scope it lacked
constexpr int kMirrorAttempts = 2;  // there is somebody else to ask

/// In [0, 1).
double random_fraction() {
    std::array<std::byte, 2> bytes{};
    sys::fill_random(bytes);
    return (std::to_integer<int>(bytes[0]) * 256 + std::to_integer<int>(bytes[1])) / 65536.0;
}

/// Whether another origin of the host may still answer after this failure.
bool may_be_elsewhere(const HttpError& error) noexcept {
    switch (error.cause()) {
        case HttpError::Cause::refused:
        case HttpError::Cause::tls:
        case HttpError::Cause::not_http:
        case HttpError::Cause::broken:
            return true;
        default:
            return false;
    }
}

/// A mirror serves several registries and is told which one is meant.
std::string target_at(const RegistryEndpoint& endpoint, const std::string& target) {
    if (endpoint.upstream.empty() || endpoint.upstream == endpoint.registry) {
        return target;
    }
    return fmt::format("{}{}ns={}",
                       target,
                       target.find('?') == target.npos ? '?' : '&',
                       percent_encode(endpoint.upstream));
}

}  // namespace

RegistrySession::RegistrySession(ClientOptions options)
    : options_(std::move(options)),
      http_(HttpOptions{.user_agent = options_.user_agent,
                        .certs_dirs = options_.certs_dirs,
                        .cert_dir = options_.cert_dir,
                        .connect_timeout = options_.connect_timeout,
                        .stall_timeout = options_.stall_timeout,
                        .stop = options_.stop,
                        .interrupted = options_.interrupted}),
      authenticator_(http_, Authenticator::Options{.credentials = options_.credentials}) {}

// --- asking a host

std::vector<RegistryEndpoint> RegistrySession::endpoints_of(const Reference& reference) const {
    if (options_.endpoints) {
        return options_.endpoints(reference);
    }
    return {{.registry = reference.registry(), .repository = reference.repository()}};
}

RegistryEndpoint RegistrySession::endpoint_of_registry(std::string_view registry) const {
    RegistryEndpoint endpoint{.registry = std::string(registry), .repository = {}};
    if (options_.endpoints) {
        // Settings are kept by names of images.
        const Reference any = parse_reference(fmt::format("{}/any", registry));
        endpoint.is_insecure =
            any.registry() == registry && options_.endpoints(any).back().is_insecure;
    }
    return endpoint;
}

TlsPolicy RegistrySession::policy_of(const RegistryEndpoint& endpoint) const noexcept {
    if (options_.tls_verify) {
        return *options_.tls_verify ? TlsPolicy::required : TlsPolicy::insecure;
    }
    return endpoint.is_insecure ? TlsPolicy::insecure : TlsPolicy::by_default;
}

std::optional<Url> RegistrySession::known_origin(const std::string& registry) {
    const std::lock_guard lock(mutex_);
    const auto found = origins_.find(registry);
    return found == origins_.end() ? std::nullopt : std::optional(found->second);
}

void RegistrySession::remember_origin(const std::string& registry, const Url& origin) {
    const std::lock_guard lock(mutex_);
    origins_.insert_or_assign(registry, origin);
}

HttpResponse RegistrySession::send_authorized(const AuthSubject& subject, HttpRequest& request) {
    request.authorization = authenticator_.authorization_for(subject);
    for (int round = 0;; ++round) {
        HttpResponse response = http_.send(request);
        // A challenge of a host that the registry redirected to is none of the registry's.
        if (response.status != 401 || round == kMaxAuthRounds ||
            !is_same_origin(response.url, request.url)) {
            return response;
        }
        auto better = authenticator_.answer(subject, response, request.authorization);
        if (!better) {
            return response;
        }
        request.authorization = *std::move(better);
    }
}

/// The origin that answers in HTTP is kept for the life of the client.
HttpResponse RegistrySession::send(const RegistryEndpoint& endpoint,
                                   AuthSubject subject,
                                   HttpRequest request,
                                   const std::string& target) {
    const RegistryHost host = resolve_host(endpoint.registry, policy_of(endpoint));
    request.verifies_tls = subject.verifies_tls = host.verifies_tls;
    // Once the sink may have got bytes, asking elsewhere would not begin where it has to.
    bool has_begun = false;
    request.on_success = [&, begin = std::move(request.on_success)](const HttpResponse& response) {
        has_begun = true;
        if (begin) {
            begin(response);
        }
    };
    const auto at = [&](const Url& origin) {
        request.url = origin;
        request.url.target = target_at(endpoint, target);
        return send_authorized(subject, request);
    };
    if (const auto origin = known_origin(host.registry)) {
        return at(*origin);
    }
    std::optional<HttpResponse> refusal;
    std::optional<HttpError> failure;
    for (const auto& origin : host.origins) {
        try {
            HttpResponse response = at(origin);
            const bool is_last = &origin == &host.origins.back();
            // A TLS server that is spoken to in plain HTTP says 400, if it says anything.
            if (response.status != 400 || origin.is_https() || is_last) {
                remember_origin(host.registry, origin);
                return response;
            }
            refusal = std::move(response);
        } catch (const HttpError& error) {
            const bool is_worse = failure && failure->cause() != HttpError::Cause::refused &&
                                  error.cause() != HttpError::Cause::untrusted;
            if (!is_worse) {
                failure.emplace(error);
            }
            if (has_begun || !may_be_elsewhere(error)) {
                throw;
            }
        }
    }
    if (refusal) {
        return *std::move(refusal);
    }
    throw HttpError(*failure);
}

HttpResponse RegistrySession::send_to(const RegistryEndpoint& endpoint,
                                      AuthSubject subject,
                                      HttpRequest request,
                                      const Url& url) {
    const TlsPolicy policy = policy_of(endpoint);
    request.verifies_tls = subject.verifies_tls = policy != TlsPolicy::insecure;
    request.url = url;
    const auto own = known_origin(endpoint.registry);
    if (own && is_same_origin(*own, url)) {
        return send_authorized(subject, request);
    }
    if (own && own->is_https() && !url.is_https() && request.verifies_tls) {
        throw Error(ErrorKind::corrupt,
                    "{} sends from https to http ({})",
                    authority_of(*own),
                    authority_of(url));
    }
    // A registry elsewhere has no business with what listens on this machine.
    if (own && is_loopback_host(url.host) && !is_loopback_host(own->host)) {
        throw Error(ErrorKind::corrupt,
                    "{} sends to {}, which is this machine",
                    authority_of(*own),
                    authority_of(url));
    }
    return http_.send(request);
}

// --- asking again, and asking others

void RegistrySession::wait(milliseconds duration, const std::stop_token& stop) {
    if (options_.sleep) {
        options_.sleep(duration);
        return;
    }
    std::mutex mutex;
    std::condition_variable woken;
    bool is_stopped = false;
    const auto wake = [&] {
        const std::lock_guard lock(mutex);
        is_stopped = true;
        woken.notify_all();
    };
    const std::stop_callback on_stop(options_.stop, wake);
    const std::stop_callback on_request_stop(stop, wake);
    const auto is_cancelled = [&] {
        return is_stopped || (options_.interrupted != nullptr && options_.interrupted->load());
    };
    std::unique_lock lock(mutex);
    const auto deadline = std::chrono::steady_clock::now() + duration;
    while (!is_cancelled()) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= left.zero()) {
            return;
        }
        (void)woken.wait_for(lock, std::min<decltype(left)>(left, kSleepSlice));
    }
    throw Error(ErrorKind::interrupted, "interrupted");
}

HttpResponse RegistrySession::with_retries(const RetryRules& rules,
                                           const std::function<HttpResponse()>& action) {
    const auto& progress = rules.progress;
    const int max_attempts = rules.max_attempts > 0
                                 ? std::min(rules.max_attempts, options_.max_attempts)
                                 : options_.max_attempts;
    uint64_t mark = progress ? progress() : 0;
    for (int attempt = 1;; ++attempt) {
        if (progress && progress() >= mark + kProgressBytes) {
            mark = progress();
            attempt = 1;
        }
        RetryNotice notice{
            .reason = {},
            .wait = options_.retry_delay.value_or(backoff(attempt, random_fraction())),
            .attempt = attempt,
            .max_attempts = max_attempts};
        try {
            HttpResponse response = action();
            const auto asked = retry_after(response.headers);
            if (!is_transient_status(response.status) || attempt >= max_attempts ||
                (asked && *asked > kMaxRetryAfter)) {
                return response;
            }
            notice.reason =
                fmt::format("{}: {}", authority_of(response.url), describe_failure(response));
            notice.wait = asked ? milliseconds(*asked) : notice.wait;
        } catch (const HttpError& error) {
            if (!is_transient(error) || attempt >= max_attempts) {
                throw;
            }
            notice.reason = error.text();
        }
        NAU_LOG_DEBUG("registry: {}, trying again in {} ms", notice.reason, notice.wait.count());
        if (options_.on_retry) {
            options_.on_retry(notice);
        }
        wait(notice.wait, rules.stop);
    }
}

bool RegistrySession::is_given_up(const RegistryEndpoint& mirror) {
    const std::lock_guard lock(mutex_);
    return given_up_.contains(mirror.registry);
}

void RegistrySession::give_up(const RegistryEndpoint& mirror) {
    const std::lock_guard lock(mutex_);
    given_up_.insert(mirror.registry);
}

HttpResponse RegistrySession::at_endpoints(
    const std::vector<RegistryEndpoint>& endpoints,
    const std::function<HttpResponse(const RegistryEndpoint&, const RetryRules&)>& action,
    RetryRules rules) {
    for (const auto& endpoint : endpoints) {
        if (!endpoint.is_mirror || &endpoint == &endpoints.back()) {
            break;
        }
        if (is_given_up(endpoint)) {
            continue;
        }
        RetryRules mirror_rules = rules;
        mirror_rules.max_attempts = kMirrorAttempts;
        try {
            return action(endpoint, mirror_rules);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::interrupted || (rules.is_final && rules.is_final())) {
                throw;
            }
            if (error.kind() != ErrorKind::not_found) {
                give_up(endpoint);
            }
            NAU_LOG_WARN("mirror {}: {}, ignoring it", endpoint.registry, error.text());
        }
    }
    return action(endpoints.back(), rules);
}

}  // namespace nau::oci
