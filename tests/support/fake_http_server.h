#pragma once

// An HTTP/1.1 server, plain or over TLS, on 127.0.0.1 inside the test, on a port of the kernel's
// choice. A handler answers; what it may answer includes everything a broken or hostile registry
// does. Each connection has a thread; the destructor ends them all.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::test {

struct FakeRequest {
    std::string method;
    /// Path and query as sent.
    std::string target;
    /// Names in lower case.
    std::map<std::string, std::string> headers;
    std::string body;

    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

struct FakeResponse {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    /// Announced instead of the body's length.
    std::optional<uint64_t> content_length = {};
    /// The body is sent in chunks, without a length.
    bool is_chunked = false;
    /// The connection is closed after so many bytes of the body.
    std::optional<size_t> cut_after = {};
    /// After headers and body nothing more happens until the client goes away.
    bool hangs = false;
    /// Sent as they are instead of all the above; then the connection is closed.
    std::optional<std::string> raw = {};
};

/// A key and a certificate signed with it, so that whoever trusts the certificate trusts the
/// server.
struct TestCertificate {
    std::string certificate_pem;
    std::string key_pem;
};

/// @param names subject alternative names in OpenSSL's form: "DNS:localhost,IP:127.0.0.1"
TestCertificate make_test_certificate(const std::string& names);

class FakeHttpServer {
  public:
    using Handler = std::function<FakeResponse(const FakeRequest&)>;

    explicit FakeHttpServer(Handler handler);
    FakeHttpServer(Handler handler, const TestCertificate& certificate);
    ~FakeHttpServer();
    FakeHttpServer(const FakeHttpServer&) = delete;
    FakeHttpServer& operator=(const FakeHttpServer&) = delete;

    uint16_t port() const noexcept { return port_; }
    /// "127.0.0.1:<port>"
    std::string authority() const;
    /// "http://127.0.0.1:<port>" or "https://…"
    std::string origin() const;

    /// All requests so far, in the order of their arrival.
    std::vector<FakeRequest> requests() const;
    int connection_count() const noexcept { return connection_count_; }

  private:
    class Tls;

    void listen();
    void accept_connections();
    void serve(int fd);
    void serve_requests(int fd);

    Handler handler_;
    std::unique_ptr<Tls> tls_;  // none: plain
    sys::UniqueFd listener_;
    uint16_t port_ = 0;
    std::atomic<int> connection_count_{0};
    mutable std::mutex mutex_;  // guards what follows
    bool is_stopping_ = false;
    std::vector<FakeRequest> requests_;
    std::vector<int> open_fds_;
    std::vector<std::jthread> threads_;
    std::jthread acceptor_;
};

}  // namespace nau::test
