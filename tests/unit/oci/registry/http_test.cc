#include "oci/registry/http.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <doctest/doctest.h>

#include "sys/file.h"
#include "tests/support/fake_http_server.h"

using namespace std::chrono_literals;
using nau::ErrorKind;
using nau::oci::HttpClient;
using nau::oci::HttpError;
using nau::oci::HttpMethod;
using nau::oci::HttpOptions;
using nau::oci::HttpRequest;
using nau::oci::HttpResponse;
using nau::oci::parse_url;
using nau::oci::Url;
using nau::test::FakeHttpServer;
using nau::test::FakeRequest;
using nau::test::FakeResponse;

namespace {

Url url_at(const FakeHttpServer& server, const std::string& target = "/") {
    return parse_url(server.origin() + target).value();
}

/// Options without the surroundings of the machine.
HttpOptions options() {
    return {.environment = [](const char*) { return std::optional<std::string>(); }};
}

/// Options under which SSL_CERT_FILE, or whatever else, has this value.
HttpOptions options_with(const char* variable, const std::string& value) {
    return {.environment = [variable, value](const char* name) {
        return std::string_view(name) == variable ? std::optional(value) : std::nullopt;
    }};
}

class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& text)
        : folder_(nau::sys::make_temporary_directory(std::filesystem::temp_directory_path(),
                                                     "nau-test-")) {
        nau::sys::write_file_atomic(path(), text, 0600, nau::sys::Durability::relaxed);
    }
    ~TemporaryFile() { std::filesystem::remove_all(folder_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    std::string path() const { return (folder_ / "ca.crt").string(); }
    const std::filesystem::path& folder() const noexcept { return folder_; }

  private:
    std::filesystem::path folder_;
};

template <typename Action>
std::optional<HttpError::Cause> cause_of(Action action) {
    try {
        action();
    } catch (const HttpError& error) {
        CAPTURE(error.text());
        return error.cause();
    }
    return std::nullopt;
}

template <typename Action>
std::pair<ErrorKind, std::string> error_of(Action action) {
    try {
        action();
    } catch (const nau::Error& error) {
        return {error.kind(), error.text()};
    }
    return {ErrorKind::internal, "accepted"};
}

}  // namespace

TEST_CASE("a request is sent and its response returned") {
    FakeHttpServer server([](const FakeRequest& request) {
        return FakeResponse{.status = 201,
                            .headers = {{"X-One", " 1 "}, {"x-two", "a"}, {"X-Two", "b"}},
                            .body = "hello " + request.method};
    });
    HttpClient client(options());
    const HttpResponse response = client.send({.url = url_at(server, "/a/../b?c=d"),
                                               .authorization = "Basic xyz",
                                               .headers = {{"Accept", "text/x"}}});
    CHECK(response.status == 201);
    CHECK(response.is_success());
    CHECK(response.body == "hello GET");
    CHECK(response.headers.find("x-ONE") == "1");
    CHECK(response.headers.find("x-three") == std::nullopt);
    CHECK(response.headers.find_all("X-two") == std::vector<std::string_view>{"a", "b"});
    CHECK(response.url == url_at(server, "/a/../b?c=d"));

    REQUIRE(server.requests().size() == 1);
    const FakeRequest request = server.requests()[0];
    CHECK(request.method == "GET");
    CHECK(request.target == "/a/../b?c=d");
    CHECK(request.header("accept") == "text/x");
    CHECK(request.header("authorization") == "Basic xyz");
    CHECK(request.header("user-agent").substr(0, 4) == "nau/");
}

TEST_CASE("HEAD and POST") {
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.body = "body"}; });
    HttpClient client(options());
    CHECK(client.send({.method = HttpMethod::head, .url = url_at(server)}).body == "");
    CHECK(client.send({.method = HttpMethod::post, .url = url_at(server), .body = "a=b&c"}).body ==
          "body");
    CHECK(server.requests()[0].method == "HEAD");
    CHECK(server.requests()[1].method == "POST");
    CHECK(server.requests()[1].body == "a=b&c");
    CHECK(server.requests()[1].header("expect") == "");
}

TEST_CASE("connections are used again") {
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.body = "x"}; });
    HttpClient client(options());
    for (int i = 0; i < 5; ++i) {
        client.send({.url = url_at(server)});
    }
    CHECK(server.connection_count() == 1);
}

TEST_CASE("several threads may send at once") {
    const std::string body(200'000, 'x');
    FakeHttpServer server([&](const FakeRequest&) { return FakeResponse{.body = body}; });
    HttpClient client(options());
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int j = 0; j < 5; ++j) {
                    good += client.send({.url = url_at(server)}).body == body ? 1 : 0;
                }
            });
        }
    }
    CHECK(good == 20);
    CHECK(server.connection_count() <= 4);
}

TEST_CASE("Authorization follows a redirect to the same origin only") {
    FakeHttpServer other([](const FakeRequest&) { return FakeResponse{.body = "other"}; });
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.target == "/same") {
            return FakeResponse{.status = 307, .headers = {{"Location", "/end"}}};
        }
        if (request.target == "/other") {
            return FakeResponse{.status = 302, .headers = {{"Location", other.origin() + "/x"}}};
        }
        if (request.target == "/name") {
            return FakeResponse{
                .status = 302,
                .headers = {{"Location", fmt::format("http://localhost:{}/end", server.port())}}};
        }
        return FakeResponse{.body = "end"};
    });
    HttpClient client(options());
    const auto send = [&](const char* target) {
        return client.send({.url = url_at(server, target), .authorization = "Bearer secret"});
    };
    CHECK(send("/same").body == "end");
    CHECK(server.requests().back().header("authorization") == "Bearer secret");

    const HttpResponse response = send("/other");
    CHECK(response.body == "other");
    CHECK(response.url == url_at(other, "/x"));
    CHECK(other.requests().back().header("authorization") == "");

    CHECK(send("/name").body == "end");
    CHECK(server.requests().back().header("host").substr(0, 9) == "localhost");
    CHECK(server.requests().back().header("authorization") == "");
}

TEST_CASE("credentials that were taken off do not come back") {
    std::string back;
    FakeHttpServer other([&](const FakeRequest&) {
        return FakeResponse{.status = 302, .headers = {{"Location", back}}};
    });
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.target == "/start") {
            return FakeResponse{.status = 302, .headers = {{"Location", other.origin()}}};
        }
        return FakeResponse{};
    });
    back = server.origin() + "/back";
    HttpClient client(options());
    client.send({.url = url_at(server, "/start"), .authorization = "Bearer secret"});
    CHECK(server.requests().back().target == "/back");
    CHECK(server.requests().back().header("authorization") == "");
}

TEST_CASE("redirects that may not be followed are errors") {
    std::string location;
    FakeHttpServer server([&](const FakeRequest&) {
        return FakeResponse{.status = 302, .headers = {{"Location", location}}};
    });
    HttpClient client(options());
    for (const char* bad : {"ftp://127.0.0.1/x",
                            "file:///etc/passwd",
                            "http://user:password@127.0.0.1/",
                            "http://[::1/",
                            "gopher://x",
                            "http://a b/"}) {
        CAPTURE(bad);
        location = bad;
        const auto [kind, text] = error_of([&] { client.send({.url = url_at(server)}); });
        CHECK(kind == ErrorKind::corrupt);
        CHECK(text.find("redirects to no http or https URL") != std::string::npos);
    }
    location = "/again";
    CHECK(error_of([&] {
              client.send({.url = url_at(server)});
          }).second.find("more than 10 redirects") != std::string::npos);
    CHECK(client.send({.method = HttpMethod::post, .url = url_at(server)}).status == 302);
}

TEST_CASE("what is too large is refused") {
    FakeHttpServer server([](const FakeRequest& request) {
        FakeResponse response{.body = std::string(100'000, 'x')};
        if (request.target == "/headers") {
            for (int i = 0; i < 200; ++i) {
                response.headers.emplace_back("X-Long", std::string(1000, 'y'));
            }
        } else if (request.target == "/error") {
            response.status = 500;
            response.body.assign(10'000'000, 'e');
        } else if (request.target == "/chunked") {
            response.is_chunked = true;
        }
        return response;
    });
    HttpClient client(options());
    const auto send = [&](const char* target, size_t max_body_bytes) {
        return client.send({.url = url_at(server, target), .max_body_bytes = max_body_bytes});
    };
    CHECK(send("/", 100'000).body.size() == 100'000);
    CHECK(send("/chunked", 100'000).body.size() == 100'000);
    for (const char* target : {"/", "/chunked"}) {
        const auto [kind, text] = error_of([&] { send(target, 99'999); });
        CHECK(kind == ErrorKind::corrupt);
        CHECK(text.find("larger than 99999 bytes") != std::string::npos);
    }
    const auto [kind, text] = error_of([&] { send("/headers", 1'000'000); });
    CHECK(kind == ErrorKind::corrupt);
    CHECK(text.find("headers are larger than") != std::string::npos);

    const HttpResponse failure = send("/error", 10);
    CHECK(failure.status == 500);
    CHECK(failure.body.size() == nau::oci::kMaxErrorBody);
}

TEST_CASE("the sink takes the body of a success and may stop it") {
    const std::string body(1'000'000, 'z');
    FakeHttpServer server([&](const FakeRequest& request) {
        return FakeResponse{.status = request.target == "/404" ? 404 : 200, .body = body};
    });
    HttpClient client(options());
    std::string taken;
    std::vector<int> statuses;
    HttpRequest request{.url = url_at(server)};
    request.max_body_bytes = 1;
    request.on_success = [&](const HttpResponse& response) { statuses.push_back(response.status); };
    request.sink = [&](std::span<const std::byte> bytes) {
        taken.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    CHECK(client.send(request).body == "");
    CHECK(taken == body);
    CHECK(statuses == std::vector{200});

    taken.clear();
    request.url = url_at(server, "/404");
    CHECK(client.send(request).body.size() == nau::oci::kMaxErrorBody);
    CHECK(taken.empty());
    CHECK(statuses.size() == 1);

    request.url = url_at(server);
    request.sink = [](std::span<const std::byte>) { throw nau::SysError(ENOSPC, "write blob"); };
    CHECK(error_of([&] { client.send(request); }).second == "write blob: No space left on device");
    request.on_success = [](const HttpResponse&) {
        throw nau::Error(ErrorKind::corrupt, "not wanted");
    };
    CHECK(error_of([&] { client.send(request); }).second == "not wanted");
    // The client is as good as before.
    CHECK(client.send({.url = url_at(server)}).body == body);
}

TEST_CASE("failures below HTTP have a cause") {
    FakeHttpServer server([](const FakeRequest& request) {
        if (request.target == "/cut") {
            return FakeResponse{.body = "0123456789", .cut_after = 4};
        }
        if (request.target == "/cut-chunked") {
            return FakeResponse{.body = "0123456789", .is_chunked = true, .cut_after = 4};
        }
        if (request.target == "/silent") {
            return FakeResponse{.raw = ""};
        }
        if (request.target == "/nonsense") {
            return FakeResponse{.raw = "SSH-2.0-OpenSSH_9.2\r\n"};
        }
        return FakeResponse{.raw = "HTTP/1.1 200 OK\r\nContent-Len"};
    });
    HttpClient client(options());
    const auto cause_at = [&](const char* target) {
        return cause_of([&] { client.send({.url = url_at(server, target)}); });
    };
    CHECK(cause_at("/cut") == HttpError::Cause::broken);
    CHECK(cause_at("/cut-chunked") == HttpError::Cause::broken);
    CHECK(cause_at("/silent") == HttpError::Cause::broken);
    CHECK(cause_at("/nonsense") == HttpError::Cause::not_http);
    CHECK(cause_at("/half-a-header") == HttpError::Cause::broken);

    Url tls = url_at(server);
    tls.scheme = "https";
    CHECK(cause_of([&] { client.send({.url = tls}); }) == HttpError::Cause::tls);
}

TEST_CASE("nobody listening is told with the address") {
    Url url;
    {
        const FakeHttpServer server([](const FakeRequest&) { return FakeResponse{}; });
        url = url_at(server);
    }
    HttpClient client(options());
    CHECK(cause_of([&] { client.send({.url = url}); }) == HttpError::Cause::refused);
    CHECK(error_of([&] { client.send({.url = url}); }) ==
          std::pair{ErrorKind::unavailable,
                    fmt::format("connect to {}: Connection refused", authority_of(url))});
}

TEST_CASE("a server that falls silent is given up") {
    FakeHttpServer server([](const FakeRequest&) {
        return FakeResponse{.body = "begin", .content_length = 100, .hangs = true};
    });
    HttpOptions impatient = options();
    impatient.stall_timeout = 20ms;
    HttpClient client(impatient);
    CHECK(cause_of([&] { client.send({.url = url_at(server)}); }) == HttpError::Cause::timed_out);
    // Time that the sink takes does not count.
    FakeHttpServer lively([](const FakeRequest&) { return FakeResponse{.body = "body"}; });
    HttpRequest request{.url = url_at(lively)};
    request.sink = [](std::span<const std::byte>) { std::this_thread::sleep_for(40ms); };
    CHECK(client.send(request).status == 200);
}

TEST_CASE("a request ends when it is stopped or interrupted") {
    std::atomic<bool> is_asked = false;
    FakeHttpServer server([&](const FakeRequest&) {
        is_asked = true;
        is_asked.notify_all();
        return FakeResponse{.body = "begin", .content_length = 100, .hangs = true};
    });
    std::stop_source source;
    HttpOptions stoppable = options();
    stoppable.stop = source.get_token();
    {
        HttpClient client(stoppable);
        const std::jthread stopper([&] {
            is_asked.wait(false);
            source.request_stop();
        });
        CHECK(error_of([&] { client.send({.url = url_at(server)}); }).first ==
              ErrorKind::interrupted);
        // Afterwards nothing is sent.
        CHECK(error_of([&] { client.send({.url = url_at(server)}); }).first ==
              ErrorKind::interrupted);
        CHECK(server.requests().size() == 1);
    }
    std::atomic<bool> flag = false;
    HttpOptions interruptible = options();
    interruptible.interrupted = &flag;
    HttpClient client(interruptible);
    is_asked = false;
    const std::jthread setter([&] {
        is_asked.wait(false);
        flag = true;
    });
    CHECK(error_of([&] { client.send({.url = url_at(server)}); }).first == ErrorKind::interrupted);
}

TEST_CASE("a server is trusted for its certificate only") {
    const auto certificate = nau::test::make_test_certificate("DNS:localhost,IP:127.0.0.1");
    const auto other = nau::test::make_test_certificate("DNS:localhost,IP:127.0.0.1");
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.body = "secret"}; },
                          certificate);
    const TemporaryFile right(certificate.certificate_pem);
    const TemporaryFile wrong(other.certificate_pem);
    const TemporaryFile empty("");

    HttpClient trusting(options_with("SSL_CERT_FILE", right.path()));
    CHECK(trusting.send({.url = url_at(server)}).body == "secret");
    CHECK(trusting.send({.url = url_at(server)}).body == "secret");
    CHECK(server.connection_count() == 1);

    HttpClient suspicious(options_with("SSL_CERT_FILE", wrong.path()));
    CHECK(cause_of([&] { suspicious.send({.url = url_at(server)}); }) ==
          HttpError::Cause::untrusted);
    const auto [kind, text] = error_of([&] { suspicious.send({.url = url_at(server)}); });
    CHECK(kind == ErrorKind::unavailable);
    CHECK(text.find(fmt::format("certificate of {} is not trusted", server.authority())) == 0);

    HttpClient misconfigured(options_with("SSL_CERT_FILE", empty.path()));
    CHECK(error_of([&] { misconfigured.send({.url = url_at(server)}); }).second ==
          "no certificates can be read from " + empty.path());

    // The machine's own CAs do not know the test's.
    HttpClient plain({.environment = options().environment});
    CHECK(cause_of([&] { plain.send({.url = url_at(server)}); }) == HttpError::Cause::untrusted);

    HttpClient careless(options());
    CHECK(careless.send({.url = url_at(server), .verifies_tls = false}).body == "secret");
    CHECK(server.requests().size() == 3);
}

TEST_CASE("a certificate of another name is not accepted") {
    const auto certificate = nau::test::make_test_certificate("DNS:registry.example");
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{}; }, certificate);
    const TemporaryFile ca(certificate.certificate_pem);
    HttpClient client(options_with("SSL_CERT_FILE", ca.path()));
    CHECK(cause_of([&] { client.send({.url = url_at(server)}); }) == HttpError::Cause::untrusted);
    CHECK(server.requests().empty());
}

TEST_CASE("certs.d and --cert-dir add to the CAs") {
    const auto certificate = nau::test::make_test_certificate("IP:127.0.0.1");
    const auto unrelated = nau::test::make_test_certificate("IP:127.0.0.1");
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.body = "x"}; },
                          certificate);
    const TemporaryFile ca(certificate.certificate_pem);
    const TemporaryFile system(unrelated.certificate_pem);
    HttpOptions by_flag = options_with("SSL_CERT_FILE", system.path());
    by_flag.cert_dir = ca.folder();
    CHECK(HttpClient(by_flag).send({.url = url_at(server)}).body == "x");

    const std::filesystem::path host_folder = system.folder() / server.authority();
    std::filesystem::create_directory(host_folder);
    std::filesystem::copy(ca.path(), host_folder / "our.crt");
    HttpOptions by_host = options_with("SSL_CERT_FILE", system.path());
    by_host.certs_dirs = {system.folder()};
    CHECK(HttpClient(by_host).send({.url = url_at(server)}).body == "x");
    // Only for that host.
    FakeHttpServer other([](const FakeRequest&) { return FakeResponse{}; }, certificate);
    CHECK(cause_of([&] { HttpClient(by_host).send({.url = url_at(other)}); }) ==
          HttpError::Cause::untrusted);
}

TEST_CASE("a redirect from https to http is not followed") {
    FakeHttpServer plain([](const FakeRequest&) { return FakeResponse{.body = "plain"}; });
    const auto certificate = nau::test::make_test_certificate("IP:127.0.0.1");
    FakeHttpServer server(
        [&](const FakeRequest&) {
            return FakeResponse{.status = 302, .headers = {{"Location", plain.origin()}}};
        },
        certificate);
    const TemporaryFile ca(certificate.certificate_pem);
    HttpClient client(options_with("SSL_CERT_FILE", ca.path()));
    const auto [kind, text] = error_of([&] { client.send({.url = url_at(server)}); });
    CHECK(kind == ErrorKind::corrupt);
    CHECK(text.find("redirects from https to http") != std::string::npos);
    CHECK(plain.requests().empty());
    HttpClient careless(options());
    CHECK(careless.send({.url = url_at(server), .verifies_tls = false}).body == "plain");
}

TEST_CASE("proxies are taken from the environment, but not for this machine") {
    FakeHttpServer proxy([](const FakeRequest&) { return FakeResponse{.body = "by proxy"}; });
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.body = "directly"}; });
    const Url elsewhere = parse_url("http://registry.invalid/x?y").value();
    for (const char* variable : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
        CAPTURE(variable);
        HttpClient client(options_with(variable, proxy.origin()));
        CHECK(client.send({.url = elsewhere}).body == "by proxy");
        CHECK(proxy.requests().back().target == "http://registry.invalid/x?y");
        CHECK(client.send({.url = url_at(server)}).body == "directly");
    }
    // This address means loopback, but does not look like it.
    const Url named = parse_url(fmt::format("http://0.0.0.0:{}/", server.port())).value();
    HttpClient without_exception(options_with("http_proxy", proxy.origin()));
    CHECK(without_exception.send({.url = named}).body == "by proxy");
    HttpOptions with_exception;
    with_exception.environment = [&](const char* name) -> std::optional<std::string> {
        const std::string_view variable = name;
        return variable == "http_proxy" ? std::optional(proxy.origin())
               : variable == "NO_PROXY" ? std::optional<std::string>("example.com,0.0.0.0")
                                        : std::nullopt;
    };
    CHECK(HttpClient(with_exception).send({.url = named}).body == "directly");
}
