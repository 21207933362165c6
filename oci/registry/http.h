#pragma once

// HTTP over libcurl, the only place that knows it. A request is one value, a response another; the
// body of a success may go to a sink as it comes. What curl would do by itself and we do not let
// it:
//
//   redirects     followed here: at most ten, http(s) only, never from https to http, and the
//                 Authorization header ends at the first other scheme, host or port
//   retries       none; the caller knows whether it may
//   CA bundle     found at run time, read when the first https connection is opened
//   globals       initialised by the first request, so that commands without network pay nothing
//
// A client keeps idle connections and may be used from several threads: each send() takes a session
// (a curl handle with its connections) out of the pool, the one that last talked to the same origin
// if it can, and puts it back.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "oci/registry/credentials.h"
#include "oci/registry/url.h"

namespace nau::oci {

/// Names in any case; order and repetition are kept.
class HttpHeaders {
  public:
    void add(std::string_view name, std::string_view value);
    /// The first of that name.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    std::vector<std::string_view> find_all(std::string_view name) const;
    void clear() noexcept { headers_.clear(); }

  private:
    std::vector<std::pair<std::string, std::string>> headers_;
};

struct HttpResponse {
    int status = 0;
    HttpHeaders headers;
    /// Of the last hop.
    Url url;
    /// Whole, unless a sink took it; of failures (4xx, 5xx) at most kMaxErrorBody bytes.
    std::string body;

    bool is_success() const noexcept { return status >= 200 && status < 300; }
};

enum class HttpMethod { get, head, post, put, patch };
std::string_view to_string(HttpMethod method) noexcept;

/// What a PUT or PATCH sends without holding it in memory. Asked for by offset, since a connection
/// that was lost is tried again from the beginning.
struct HttpUpload {
    uint64_t size_bytes = 0;
    /// Fills the buffer from `offset` and returns how much, at least one byte. May throw: the
    /// transfer ends and the exception leaves send().
    std::function<size_t(uint64_t offset, std::span<char> buffer)> read = {};
};

struct HttpRequest {
    HttpMethod method = HttpMethod::get;
    Url url = {};
    /// Value of the Authorization header; empty: none.
    std::string authorization = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    /// Of a POST, PUT or PATCH.
    std::string body = {};
    /// In place of `body`.
    std::optional<HttpUpload> upload = {};
    /// Certificates are checked, and no redirect leads from https to http.
    bool verifies_tls = true;
    /// A success with a longer body is refused; does not concern the sink.
    size_t max_body_bytes = size_t{4} << 20U;
    /// Called once when the headers of a success have come, before the sink. May throw.
    std::function<void(const HttpResponse&)> on_success = {};
    /// Takes the body of a success. May block: the connection waits. May throw: the transfer ends
    /// and the exception leaves send().
    std::function<void(std::span<const std::byte>)> sink = {};
    /// Ends this request, as HttpOptions::stop ends all.
    std::stop_token stop = {};
};

/// The transfer failed below HTTP. What can be done about it depends on the cause.
class HttpError : public Error {
  public:
    enum class Cause {
        unknown_host,  ///< the name does not resolve
        refused,       ///< nobody listens, or no route
        untrusted,     ///< certificate or host name not accepted
        tls,           ///< any other failure of TLS; the peer may not speak it at all
        not_http,      ///< the answer is no HTTP
        broken,        ///< connection lost in the middle
        timed_out,     ///< no connection or no progress in time
    };

    template <typename... Args>
    HttpError(Cause cause, ErrorKind kind, fmt::format_string<Args...> format, Args&&... args)
        : Error(kind, format, std::forward<Args>(args)...), cause_(cause) {}

    Cause cause() const noexcept { return cause_; }

  private:
    Cause cause_;
};

inline constexpr size_t kMaxErrorBody = size_t{64} << 10U;
inline constexpr size_t kMaxHeaderBytes = size_t{128} << 10U;
inline constexpr int kMaxRedirects = 10;

struct HttpOptions {
    /// Empty: "nau/<version>".
    std::string user_agent = {};
    std::vector<std::filesystem::path> certs_dirs = {};
    /// --cert-dir: holds the files itself, for all hosts, and takes the place of certs_dirs.
    std::optional<std::filesystem::path> cert_dir = {};
    std::chrono::milliseconds connect_timeout{30'000};
    std::chrono::milliseconds stall_timeout{60'000};
    std::stop_token stop = {};
    const std::atomic<bool>* interrupted = nullptr;
    /// Empty: the process's own environment.
    EnvironmentLookup environment = {};
};

class HttpClient {
  public:
    explicit HttpClient(HttpOptions options);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Any status is a result. @throws HttpError; Error{corrupt} for a response beyond the limits
    /// or a redirect that may not be followed; Error{interrupted}; what the sink throws
    HttpResponse send(const HttpRequest& request);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nau::oci
