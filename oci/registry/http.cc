#include "oci/registry/http.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>

#include <curl/curl.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/scope_exit.h"
#include "oci/registry/tls_files.h"
#include "oci/registry/trust_store.h"

namespace nau::oci {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollSlice{200};  // how late an interrupt that wakes nobody is seen
constexpr size_t kMaxIdleSessions = 16;

/// Throws where curl says no to an option: a bug, or a libcurl without the feature.
template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) {
        throw Error(ErrorKind::internal,
                    "curl option {}: {}",
                    static_cast<int>(option),
                    curl_easy_strerror(code));
    }
}

void check(CURLMcode code) {
    if (code != CURLM_OK) {
        throw Error(ErrorKind::internal, "curl: {}", curl_multi_strerror(code));
    }
}

// --- globals

/// DNS entries and TLS sessions of all handles of a client. Connections are not shared: libcurl
/// does not allow it between threads.
class Share {
  public:
    Share() : handle_(curl_share_init()) {
        if (handle_ == nullptr) {
            throw Error(ErrorKind::internal, "curl: out of memory");
        }
        curl_share_setopt(handle_, CURLSHOPT_USERDATA, this);
        curl_share_setopt(handle_, CURLSHOPT_LOCKFUNC, &Share::lock);
        curl_share_setopt(handle_, CURLSHOPT_UNLOCKFUNC, &Share::unlock);
        curl_share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
        curl_share_setopt(handle_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    }
    ~Share() { curl_share_cleanup(handle_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    CURLSH* get() const noexcept { return handle_; }

  private:
    static void lock(CURL* /*easy*/, curl_lock_data data, curl_lock_access, void* self) noexcept {
        static_cast<Share*>(self)->mutexes_.at(static_cast<size_t>(data)).lock();
    }
    static void unlock(CURL* /*easy*/, curl_lock_data data, void* self) noexcept {
        static_cast<Share*>(self)->mutexes_.at(static_cast<size_t>(data)).unlock();
    }

    std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
    CURLSH* handle_;
};

void ensure_curl_is_initialised() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            throw Error(ErrorKind::internal, "curl: cannot be initialised");
        }
    });
}

// --- a session: one handle and its idle connections

class Session {
  public:
    Session() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
        if (multi_ == nullptr || easy_ == nullptr) {
            close();
            throw Error(ErrorKind::internal, "curl: out of memory");
        }
    }
    ~Session() { close(); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    CURL* easy() const noexcept { return easy_; }
    CURLM* multi() const noexcept { return multi_; }

    /// Where the idle connection leads.
    std::string origin;

  private:
    void close() noexcept {
        curl_easy_cleanup(easy_);
        if (multi_ != nullptr) {
            (void)curl_multi_cleanup(multi_);  // the handles are gone: cannot fail
        }
    }

    CURLM* multi_;
    CURL* easy_;
};

class HeaderList {
  public:
    HeaderList() = default;
    ~HeaderList() { curl_slist_free_all(list_); }
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;

    void add(const std::string& line) {
        curl_slist* longer = curl_slist_append(list_, line.c_str());
        if (longer == nullptr) {
            throw Error(ErrorKind::internal, "curl: out of memory");
        }
        list_ = longer;
    }
    curl_slist* get() const noexcept { return list_; }

  private:
    curl_slist* list_ = nullptr;
};

// --- whom to trust

/// The system's CAs and those of certs.d for one host.
class Trust {
  public:
    Trust(SystemCas system, RegistryCertificates certificates)
        : system_(std::move(system)), certificates_(std::move(certificates)) {}

    const RegistryCertificates& certificates() const noexcept { return certificates_; }

    void ensure_loaded() {
        const std::lock_guard lock(mutex_);
        if (is_loaded_) {
            return;
        }
        if (!system_.bundle && !system_.directory && certificates_.cas.empty()) {
            HttpError error(HttpError::Cause::untrusted,
                            ErrorKind::not_found,
                            "no CA certificates found on this machine");
            error.with_hint("install the package ca-certificates, or name a file in SSL_CERT_FILE");
            throw HttpError(error);
        }
        for (const auto& ca : certificates_.cas) {
            store_.add_file(ca);
        }
        if (system_.directory) {
            store_.add_directory(*system_.directory);
        } else {
            add_bundle();
        }
        is_loaded_ = true;
    }

    /// After a certificate was not accepted: adds what was left out for speed. false: nothing was.
    bool widen() {
        const std::lock_guard lock(mutex_);
        return is_loaded_ && add_bundle();
    }

    static CURLcode attach(CURL* /*easy*/, void* ssl_ctx, void* self) noexcept {
        static_cast<Trust*>(self)->store_.attach_to(ssl_ctx);
        return CURLE_OK;
    }

  private:
    bool add_bundle() {
        if (has_bundle_ || !system_.bundle) {
            return false;
        }
        store_.add_file(*system_.bundle);
        has_bundle_ = true;
        return true;
    }

    SystemCas system_;
    RegistryCertificates certificates_;
    std::mutex mutex_;  // guards what follows
    TrustStore store_;
    bool is_loaded_ = false;
    bool has_bundle_ = false;
};

// --- a transfer: one request to one host, without redirects

/// What sends a body is sent again only where the status says that it is to be.
bool may_follow(const HttpRequest& request, int status) noexcept {
    const bool keeps_method = status == 307 || status == 308;
    const bool is_reading = request.method == HttpMethod::get || request.method == HttpMethod::head;
    return is_reading ? keeps_method || (status >= 301 && status <= 303)
                      : keeps_method && request.method != HttpMethod::post;
}

class Transfer {
  public:
    Transfer(const HttpRequest& request, const Url& url, CURL* easy)
        : request_(request), easy_(easy), last_activity_(steady_clock::now()) {
        response_.url = url;
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() = default;

    static size_t on_header(char* data, size_t size, size_t count, void* self) noexcept {
        return static_cast<Transfer*>(self)->guard(size * count, [&](Transfer& transfer) {
            transfer.take_header(std::string_view(data, size * count));
        });
    }
    static size_t on_body(char* data, size_t size, size_t count, void* self) noexcept {
        return static_cast<Transfer*>(self)->guard(size * count, [&](Transfer& transfer) {
            transfer.take_body(std::string_view(data, size * count));
        });
    }

    static size_t on_read(char* buffer, size_t size, size_t count, void* self) noexcept {
        auto& transfer = *static_cast<Transfer*>(self);
        const size_t got = transfer.guard_read(std::span(buffer, size * count));
        return transfer.failure_ ? CURL_READFUNC_ABORT : got;
    }
    static int on_seek(void* self, curl_off_t offset, int origin) noexcept {
        auto& transfer = *static_cast<Transfer*>(self);
        if (origin != SEEK_SET || offset < 0) {
            return CURL_SEEKFUNC_CANTSEEK;
        }
        transfer.sent_bytes_ = static_cast<uint64_t>(offset);
        return CURL_SEEKFUNC_OK;
    }

    /// What a callback threw, if one did.
    void rethrow_failure() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }
    bool has_failed() const noexcept { return failure_ != nullptr; }
    /// The response is as good as complete although the transfer was cut: the rest of a long error
    /// page interests nobody.
    bool was_cut_short() const noexcept { return was_cut_short_; }
    steady_clock::time_point last_activity() const noexcept { return last_activity_; }
    bool has_response() const noexcept { return response_.status != 0; }
    HttpResponse take_response() { return std::move(response_); }

  private:
    /// curl is C: exceptions wait until it has returned.
    template <typename Action>
    size_t guard(size_t size, Action action) noexcept {
        try {
            action(*this);
        } catch (...) {
            failure_ = std::current_exception();
        }
        // After the sink: the time it took is not the network's.
        last_activity_ = steady_clock::now();
        return failure_ || was_cut_short_ ? 0 : size;
    }

    size_t guard_read(std::span<char> buffer) noexcept {
        size_t got = 0;
        try {
            const HttpUpload& upload = *request_.upload;
            const uint64_t left = upload.size_bytes - std::min(sent_bytes_, upload.size_bytes);
            buffer = buffer.first(static_cast<size_t>(std::min<uint64_t>(left, buffer.size())));
            got = buffer.empty() ? 0 : upload.read(sent_bytes_, buffer);
            sent_bytes_ += got;
        } catch (...) {
            failure_ = std::current_exception();
        }
        last_activity_ = steady_clock::now();
        return got;
    }

    void take_header(std::string_view line) {
        header_bytes_ += line.size();
        if (header_bytes_ > kMaxHeaderBytes) {
            throw Error(ErrorKind::corrupt,
                        "{}: response headers are larger than {} kB",
                        authority_of(response_.url),
                        kMaxHeaderBytes >> 10U);
        }
        if (line.starts_with("HTTP/")) {
            response_.headers.clear();  // the ones before were of an interim response
            return;
        }
        const std::string_view text = trim(line);
        if (text.empty()) {
            finish_headers();
        } else if (const auto parts = split_once(text, ':');
                   parts && line.front() != ' ' && line.front() != '\t') {
            response_.headers.add(parts->first, trim(parts->second));
        }
    }

    void finish_headers() {
        long status = 0;
        (void)curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);  // a long, cannot fail
        if (status < 200 || has_response()) {
            return;  // interim response, or trailers
        }
        response_.status = static_cast<int>(status);
        if (response_.is_success() && request_.on_success) {
            request_.on_success(response_);
        }
    }

    void take_body(std::string_view bytes) {
        if (!response_.is_success()) {
            const size_t room = kMaxErrorBody - response_.body.size();
            response_.body.append(bytes.substr(0, room));
            was_cut_short_ = bytes.size() > room;
        } else if (request_.sink) {
            request_.sink(std::as_bytes(std::span(bytes)));
        } else if (bytes.size() > request_.max_body_bytes - response_.body.size()) {
            throw Error(ErrorKind::corrupt,
                        "{}: response is larger than {} bytes",
                        authority_of(response_.url),
                        request_.max_body_bytes);
        } else {
            response_.body.append(bytes);
        }
    }

    const HttpRequest& request_;
    CURL* easy_;
    HttpResponse response_;
    std::exception_ptr failure_;
    size_t header_bytes_ = 0;
    uint64_t sent_bytes_ = 0;
    bool was_cut_short_ = false;
    steady_clock::time_point last_activity_;
};

// --- errors

std::string curl_text(CURLcode code, const char* detail) {
    return detail[0] != '\0' ? detail : curl_easy_strerror(code);
}

HttpError connect_error(CURL* easy, const Url& url, const std::string& detail) {
    long os_error = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);  // a long, cannot fail
    return {HttpError::Cause::refused,
            ErrorKind::unavailable,
            "connect to {}: {}",
            authority_of(url),
            os_error != 0 ? errno_text(static_cast<int>(os_error)) : detail};
}

HttpError untrusted_error(const Url& url, const std::string& detail) {
    HttpError error(HttpError::Cause::untrusted,
                    ErrorKind::unavailable,
                    "certificate of {} is not trusted: {}",
                    authority_of(url),
                    detail);
    error.with_hint(
        fmt::format("put the CA's certificate into /etc/containers/certs.d/{}/ca.crt, or do "
                    "without verification by --tls-verify=false",
                    authority_of(url)));
    return error;
}

HttpError tls_error(const Url& url, const std::string& detail) {
    HttpError error(HttpError::Cause::tls,
                    ErrorKind::unavailable,
                    "TLS connection to {}: {}",
                    authority_of(url),
                    detail);
    error.with_hint("if the registry speaks plain HTTP, use --tls-verify=false");
    return error;
}

HttpError transport_error(CURLcode code, CURL* easy, const Url& url, const char* buffer) {
    using Cause = HttpError::Cause;
    const std::string detail = curl_text(code, buffer);
    const std::string peer = authority_of(url);
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return {Cause::unknown_host, ErrorKind::unavailable, "unknown host '{}'", url.host};
        case CURLE_COULDNT_RESOLVE_PROXY:
            return {Cause::unknown_host, ErrorKind::unavailable, "proxy for {}: {}", peer, detail};
        case CURLE_COULDNT_CONNECT:
            return connect_error(easy, url, detail);
        case CURLE_OPERATION_TIMEDOUT:
            return {Cause::timed_out, ErrorKind::timed_out, "connect to {}: timed out", peer};
        case CURLE_PEER_FAILED_VERIFICATION:
            return untrusted_error(url, detail);
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_ENGINE_INITFAILED:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return tls_error(url, detail);
        case CURLE_UNSUPPORTED_PROTOCOL:  // what curl says of HTTP/0.9
        case CURLE_WEIRD_SERVER_REPLY:
            return {Cause::not_http, ErrorKind::corrupt, "{} does not speak HTTP", peer};
        default:
            return {Cause::broken, ErrorKind::unavailable, "connection to {}: {}", peer, detail};
    }
}

}  // namespace

std::string_view to_string(HttpMethod method) noexcept {
    switch (method) {
        case HttpMethod::get:
            return "GET";
        case HttpMethod::head:
            return "HEAD";
        case HttpMethod::post:
            return "POST";
        case HttpMethod::put:
            return "PUT";
        case HttpMethod::patch:
            return "PATCH";
    }
    return "GET";
}

// --- headers

void HttpHeaders::add(std::string_view name, std::string_view value) {
    headers_.emplace_back(to_lower(name), value);
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers_) {
        if (key.size() == name.size() &&
            std::equal(key.begin(), key.end(), name.begin(), [](char a, char b) {
                return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
            })) {
            return value;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> HttpHeaders::find_all(std::string_view name) const {
    std::vector<std::string_view> values;
    const std::string wanted = to_lower(name);
    for (const auto& [key, value] : headers_) {
        if (key == wanted) {
            values.push_back(value);
        }
    }
    return values;
}

// --- the client

class HttpClient::Impl {
  public:
    explicit Impl(HttpOptions options) : options_(std::move(options)) {
        if (options_.user_agent.empty()) {
            options_.user_agent = "nau/" NAU_VERSION;
        }
        if (!options_.environment) {
            options_.environment = process_environment;
        }
    }

    HttpResponse send(const HttpRequest& request);

  private:
    HttpResponse send_trusting(const HttpRequest& request,
                               const Url& url,
                               const std::string& authorization);
    HttpResponse send_once(const HttpRequest& request,
                           const Url& url,
                           const std::string& authorization);
    void configure(CURL* easy, const HttpRequest& request, const Url& url);
    void configure_tls(CURL* easy, const HttpRequest& request, const Url& url);
    std::shared_ptr<Trust> trust_for(const Url& url);
    void configure_proxy(CURL* easy, const Url& url);
    void run(Session& session,
             Transfer& transfer,
             const HttpRequest& request,
             const Url& url,
             const char* error_buffer);
    void check_cancelled(const HttpRequest& request) const;
    std::unique_ptr<Session> acquire_session(const std::string& origin);
    void release_session(std::unique_ptr<Session> session);
    CURLSH* share();

    HttpOptions options_;
    std::mutex mutex_;  // guards what follows
    std::unique_ptr<Share> share_;
    std::vector<std::unique_ptr<Session>> idle_;
    /// By "host:port": certs.d may add to the system's CAs.
    std::map<std::string, std::shared_ptr<Trust>> trusts_;
};

CURLSH* HttpClient::Impl::share() {
    const std::lock_guard lock(mutex_);
    if (!share_) {
        share_ = std::make_unique<Share>();
    }
    return share_->get();
}

std::shared_ptr<Trust> HttpClient::Impl::trust_for(const Url& url) {
    const std::lock_guard lock(mutex_);
    auto& trust = trusts_[fmt::format("{}:{}", url.host, url.port)];
    if (!trust) {
        trust = std::make_shared<Trust>(find_system_cas(options_.environment),
                                        options_.cert_dir
                                            ? read_certificate_folder(*options_.cert_dir)
                                            : find_registry_certificates(options_.certs_dirs, url));
    }
    return trust;
}

std::unique_ptr<Session> HttpClient::Impl::acquire_session(const std::string& origin) {
    const std::lock_guard lock(mutex_);
    auto found = std::find_if(
        idle_.begin(), idle_.end(), [&](const auto& session) { return session->origin == origin; });
    if (found == idle_.end()) {
        return std::make_unique<Session>();
    }
    auto session = std::move(*found);
    idle_.erase(found);
    return session;
}

void HttpClient::Impl::release_session(std::unique_ptr<Session> session) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() >= kMaxIdleSessions) {
        idle_.erase(idle_.begin());
    }
    idle_.push_back(std::move(session));
}

void HttpClient::Impl::check_cancelled(const HttpRequest& request) const {
    if (options_.stop.stop_requested() || request.stop.stop_requested() ||
        (options_.interrupted != nullptr && options_.interrupted->load())) {
        throw Error(ErrorKind::interrupted, "interrupted");
    }
}

/// The variables are read here and not by curl, which for fear of CGI ignores HTTP_PROXY, and sends
/// what is for this machine to the proxy as well.
void HttpClient::Impl::configure_proxy(CURL* easy, const Url& url) {
    const auto either = [&](const char* lower, const char* upper) {
        auto value = options_.environment(lower);
        return value ? *value : options_.environment(upper).value_or("");
    };
    std::string proxy =
        url.is_https() ? either("https_proxy", "HTTPS_PROXY") : either("http_proxy", "HTTP_PROXY");
    if (proxy.empty()) {
        proxy = either("all_proxy", "ALL_PROXY");
    }
    if (is_loopback_host(url.host)) {
        proxy.clear();
    }
    set(easy, CURLOPT_PROXY, proxy.c_str());  // empty: none
    set(easy, CURLOPT_NOPROXY, either("no_proxy", "NO_PROXY").c_str());
}

void HttpClient::Impl::configure_tls(CURL* easy, const HttpRequest& request, const Url& url) {
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // Not the bundle that libcurl was built for.
    set(easy, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    const auto trust = trust_for(url);
    const RegistryCertificates& certificates = trust->certificates();
    if (!certificates.client_certificate.empty()) {
        set(easy, CURLOPT_SSLCERT, certificates.client_certificate.c_str());
        set(easy, CURLOPT_SSLKEY, certificates.client_key.c_str());
    }
    if (!request.verifies_tls) {
        set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        return;
    }
    trust->ensure_loaded();
    set(easy, CURLOPT_SSL_CTX_FUNCTION, &Trust::attach);
    set(easy, CURLOPT_SSL_CTX_DATA, trust.get());  // lives as long as the client
}

void HttpClient::Impl::configure(CURL* easy, const HttpRequest& request, const Url& url) {
    curl_easy_reset(easy);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_SHARE, share());
    set(easy, CURLOPT_URL, to_string(url).c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    if (request.method == HttpMethod::head) {
        set(easy, CURLOPT_NOBODY, 1L);
    } else if (request.upload) {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->size_bytes));
        set(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    } else if (request.method != HttpMethod::get) {
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (request.method == HttpMethod::put || request.method == HttpMethod::patch) {
        set(easy, CURLOPT_CUSTOMREQUEST, to_string(request.method).data());
    }
    configure_proxy(easy, url);
    if (url.is_https()) {
        configure_tls(easy, request, url);
    }
}

void HttpClient::Impl::run(Session& session,
                           Transfer& transfer,
                           const HttpRequest& request,
                           const Url& url,
                           const char* error_buffer) {
    check(curl_multi_add_handle(session.multi(), session.easy()));
    const ScopeExit remove([&]() noexcept {
        (void)curl_multi_remove_handle(session.multi(), session.easy());  // it was added
    });
    const auto wake = [&] { (void)curl_multi_wakeup(session.multi()); };
    const std::stop_callback on_stop(options_.stop, wake);
    const std::stop_callback on_request_stop(request.stop, wake);
    while (true) {
        int running = 0;
        check(curl_multi_perform(session.multi(), &running));
        transfer.rethrow_failure();
        int queued = 0;
        if (const CURLMsg* message = curl_multi_info_read(session.multi(), &queued)) {
            const CURLcode code = message->data.result;
            if (code != CURLE_OK && !transfer.was_cut_short()) {
                throw transport_error(code, session.easy(), url, error_buffer);
            }
            if (!transfer.has_response()) {  // curl is content with half a header
                throw HttpError(HttpError::Cause::broken,
                                ErrorKind::unavailable,
                                "connection to {}: closed within the headers",
                                authority_of(url));
            }
            return;
        }
        check_cancelled(request);
        const auto slice = std::min(kPollSlice, options_.stall_timeout);
        check(
            curl_multi_poll(session.multi(), nullptr, 0, static_cast<int>(slice.count()), nullptr));
        check_cancelled(request);
        if (steady_clock::now() - transfer.last_activity() >
            options_.stall_timeout +
                (transfer.has_response() ? milliseconds(0) : options_.connect_timeout)) {
            throw HttpError(
                HttpError::Cause::timed_out,
                ErrorKind::timed_out,
                "{} has sent nothing for {} s",
                authority_of(url),
                std::chrono::ceil<std::chrono::seconds>(options_.stall_timeout).count());
        }
    }
}

HttpResponse HttpClient::Impl::send_once(const HttpRequest& request,
                                         const Url& url,
                                         const std::string& authorization) {
    check_cancelled(request);
    ensure_curl_is_initialised();
    auto session = acquire_session(origin_of(url));
    CURL* easy = session->easy();
    Transfer transfer(request, url, easy);
    std::array<char, CURL_ERROR_SIZE> error_buffer{};
    HeaderList headers;
    for (const auto& [name, value] : request.headers) {
        headers.add(fmt::format("{}: {}", name, value));
    }
    headers.add("Expect:");  // no 100-continue
    if (!authorization.empty()) {
        headers.add(fmt::format("Authorization: {}", authorization));
    }
    configure(easy, request, url);
    set(easy, CURLOPT_ERRORBUFFER, error_buffer.data());
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(easy, CURLOPT_HEADERDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    if (request.upload) {
        set(easy, CURLOPT_READFUNCTION, &Transfer::on_read);
        set(easy, CURLOPT_READDATA, &transfer);
        set(easy, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
        set(easy, CURLOPT_SEEKDATA, &transfer);
    }
    run(*session, transfer, request, url, error_buffer.data());

    // A session that failed is thrown away with its connection.
    session->origin = origin_of(url);
    curl_easy_reset(easy);  // it must not point at what dies with this frame
    release_session(std::move(session));
    return transfer.take_response();
}

/// An issuer that is missing in the hashed directory may stand in the bundle.
HttpResponse HttpClient::Impl::send_trusting(const HttpRequest& request,
                                             const Url& url,
                                             const std::string& authorization) {
    try {
        return send_once(request, url, authorization);
    } catch (const HttpError& error) {
        if (error.cause() != HttpError::Cause::untrusted || !trust_for(url)->widen()) {
            throw;
        }
    }
    return send_once(request, url, authorization);
}

HttpResponse HttpClient::Impl::send(const HttpRequest& request) {
    Url url = request.url;
    std::string authorization = request.authorization;
    for (int hop = 0; hop <= kMaxRedirects; ++hop) {
        NAU_LOG_TRACE("http: {} {}{}",
                      to_string(request.method),
                      origin_of(url),
                      url.target.substr(0, url.target.find('?')));
        HttpResponse response = send_trusting(request, url, authorization);
        NAU_LOG_TRACE("http: {} from {}", response.status, authority_of(url));
        const auto location = response.headers.find("location");
        if (!location || !may_follow(request, response.status)) {
            return response;
        }
        const auto next = resolve_url(url, *location);
        if (!next) {
            throw Error(
                ErrorKind::corrupt, "{} redirects to no http or https URL", authority_of(url));
        }
        if (url.is_https() && !next->is_https() && request.verifies_tls) {
            throw Error(ErrorKind::corrupt,
                        "{} redirects from https to http ({})",
                        authority_of(url),
                        authority_of(*next));
        }
        if (!is_same_origin(url, *next)) {
            authorization.clear();
        }
        url = *next;
    }
    throw Error(
        ErrorKind::corrupt, "{}: more than {} redirects", authority_of(request.url), kMaxRedirects);
}

HttpClient::HttpClient(HttpOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request) {
    return impl_->send(request);
}

}  // namespace nau::oci
