#include "oci/registry/auth.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "tests/support/fake_http_server.h"

using namespace std::chrono_literals;
using nau::ErrorKind;
using nau::oci::AuthChallenge;
using nau::oci::Authenticator;
using nau::oci::AuthSubject;
using nau::oci::Credentials;
using nau::oci::HttpClient;
using nau::oci::HttpResponse;
using nau::oci::parse_auth_challenges;
using nau::oci::parse_token;
using nau::oci::parse_url;
using nau::oci::Token;
using nau::test::FakeHttpServer;
using nau::test::FakeRequest;
using nau::test::FakeResponse;

namespace {

class FixedCredentials final : public nau::oci::CredentialSource {
  public:
    explicit FixedCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
    std::optional<Credentials> find(std::string_view, std::string_view) override {
        return credentials_;
    }

  private:
    Credentials credentials_;
};

/// A 401 with this challenge, given by `url`.
HttpResponse challenge(const std::string& url, const std::string& header) {
    HttpResponse response;
    response.status = 401;
    response.url = parse_url(url).value();
    response.headers.add("WWW-Authenticate", header);
    return response;
}

const AuthSubject kSubject{.registry = "reg", .repository = "a/b"};

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

TEST_CASE("challenges are read by the grammar") {
    using List = std::vector<AuthChallenge>;
    struct Row {
        const char* header;
        List challenges;
    };
    const Row rows[] = {
        {"", {}},
        {"Basic", {{"basic", {}}}},
        {R"(Basic realm="Registry")", {{"basic", {{"realm", "Registry"}}}}},
        {R"(Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push")",
         {{"bearer",
           {{"realm", "https://a/t"}, {"service", "s"}, {"scope", "repository:a/b:pull,push"}}}}},
        {R"(BEARER REALM=https , error = "x\"y\\z")",
         {{"bearer", {{"realm", "https"}, {"error", R"(x"y\z)"}}}}},
        {R"(Basic realm="a, b", Bearer realm="c")",
         {{"basic", {{"realm", "a, b"}}}, {"bearer", {{"realm", "c"}}}}},
        {"Negotiate, Basic realm=x", {{"negotiate", {}}, {"basic", {{"realm", "x"}}}}},
        {R"(Bearer realm="a",realm="b")", {{"bearer", {{"realm", "a"}}}}},
        {R"(Bearer realm="unfinished)", {{"bearer", {}}}},
        {R"(Bearer realm="ends with \)", {{"bearer", {}}}},
        {R"(="x")", {}},
        {R"(realm="x")", {}},
        {R"(Bearer realm="x" @ Basic)", {{"bearer", {{"realm", "x"}}}}},
        {" , ,Basic,, ", {{"basic", {}}}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.header);
        CHECK((parse_auth_challenges(row.header) == row.challenges));
    }
}

TEST_CASE("token answers") {
    struct Row {
        const char* body;
        std::optional<Token> token;
    };
    const Row rows[] = {
        {R"({"token":"t"})", Token{"t", 60s}},
        {R"({"access_token":"a"})", Token{"a", 60s}},
        {R"({"token":"t","access_token":"a","expires_in":300})", Token{"t", 300s}},
        {R"({"token":"t","expires_in":5})", Token{"t", 60s}},
        {R"({"token":"t","expires_in":-5})", Token{"t", 60s}},
        {R"({"token":"t","expires_in":"300"})", Token{"t", 60s}},
        {R"({"token":"t","expires_in":99999999999})", Token{"t", 24h}},
        {R"({})", {}},
        {R"({"token":""})", {}},
        {R"({"token":7})", {}},
        {R"({"token":"a\r\nX-Evil: 1"})", {}},
        {R"({"token":"a b"})", {}},
        {R"([])", {}},
        {R"(nonsense)", {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.body);
        if (row.token) {
            CHECK((parse_token(row.body) == *row.token));
        } else {
            CHECK(error_of([&] { (void)parse_token(row.body); }).first == ErrorKind::corrupt);
        }
    }
}

TEST_CASE("basic credentials go to the registry that asks for them") {
    CHECK(nau::oci::basic_authorization({.username = "Aladdin", .password = "open sesame"}) ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");

    HttpClient http({});
    Authenticator with(http,
                       {.credentials = std::make_shared<FixedCredentials>(
                            Credentials{.username = "u", .password = "p"})});
    CHECK(with.authorization_for(kSubject) == "");
    const auto response = challenge("https://reg/v2/", "Basic realm=x");
    CHECK(with.answer(kSubject, response, "") == "Basic dTpw");
    CHECK(with.authorization_for(kSubject) == "Basic dTpw");
    CHECK(with.authorization_for({.registry = "reg", .repository = "other"}) == "");
    // Refused once is refused.
    CHECK(with.answer(kSubject, response, "Basic dTpw") == std::nullopt);

    Authenticator without(http, {});
    CHECK(without.answer(kSubject, response, "") == std::nullopt);
    CHECK(with.answer(kSubject, challenge("https://reg/", "Digest realm=x"), "") == "Basic dTpw");
    CHECK(without.answer(kSubject, challenge("https://reg/", "Digest realm=x"), "") ==
          std::nullopt);
}

TEST_CASE("tokens are fetched, kept and renewed") {
    std::atomic<int> number = 0;
    FakeHttpServer realm([&](const FakeRequest&) {
        return FakeResponse{.body = fmt::format(R"({{"token":"t{}","expires_in":100}})", ++number)};
    });
    HttpClient http({});
    auto now = std::chrono::steady_clock::time_point(1000s);
    Authenticator anonymous(http, {.now = [&] { return now; }});
    const auto response = challenge(
        "http://127.0.0.1:5000/v2/",
        fmt::format(R"(Bearer realm="{}/token?x=y",service="the service")", realm.origin()));
    CHECK(anonymous.answer(kSubject, response, "") == "Bearer t1");
    CHECK(realm.requests().back().target ==
          "/token?x=y&service=the%20service&scope=repository%3Aa%2Fb%3Apull");
    CHECK(realm.requests().back().header("authorization") == "");

    now += 89s;
    CHECK(anonymous.authorization_for(kSubject) == "Bearer t1");
    now += 1s;
    CHECK(anonymous.authorization_for(kSubject) == "");
    CHECK(anonymous.answer(kSubject, response, "Bearer t1") == "Bearer t2");
    // A second thread whose request still carried the old one.
    CHECK(anonymous.answer(kSubject, response, "Bearer t1") == "Bearer t2");
    CHECK(number == 2);

    Authenticator user(http,
                       {.credentials = std::make_shared<FixedCredentials>(
                            Credentials{.username = "u&", .password = "p"})});
    CHECK(user.answer(kSubject,
                      challenge("http://127.0.0.1:5000/v2/",
                                fmt::format(R"(Bearer realm="{}",scope="a:b:pull c:d:push")",
                                            realm.origin())),
                      "") == "Bearer t3");
    CHECK(realm.requests().back().target ==
          "/?service=&scope=a%3Ab%3Apull&scope=c%3Ad%3Apush&account=u%26");
    CHECK(realm.requests().back().header("authorization") == "Basic dSY6cA==");

    Authenticator identity(http,
                           {.credentials = std::make_shared<FixedCredentials>(
                                Credentials{.identity_token = "refresh me"})});
    CHECK(identity.answer(kSubject, response, "") == "Bearer t4");
    CHECK(realm.requests().back().method == "POST");
    CHECK(realm.requests().back().body ==
          "grant_type=refresh_token&service=the%20service&client_id=nau&"
          "scope=repository%3Aa%2Fb%3Apull&refresh_token=refresh%20me");
    CHECK(realm.requests().back().header("content-type") == "application/x-www-form-urlencoded");
}

TEST_CASE("realms that may not be asked") {
    FakeHttpServer realm(
        [](const FakeRequest&) { return FakeResponse{.body = R"({"token":"t"})"}; });
    HttpClient http({});
    Authenticator strict(http, {});
    const auto answer = [&](const std::string& registry, const std::string& realm_url) {
        return error_of([&] {
                   (void)strict.answer(
                       kSubject, challenge(registry, "Bearer realm=\"" + realm_url + "\""), "");
               })
            .first;
    };
    CHECK(answer("https://reg/", "http://auth.example.com/") == ErrorKind::permission_denied);
    CHECK(answer("http://127.0.0.1:5000/", "http://auth.example.com/") ==
          ErrorKind::permission_denied);
    // A registry elsewhere must not make us talk to this machine.
    CHECK(answer("https://reg/", realm.origin()) == ErrorKind::permission_denied);
    CHECK(answer("https://reg/", "file:///etc/passwd") == ErrorKind::corrupt);
    CHECK(answer("https://reg/", "") == ErrorKind::corrupt);
    CHECK(answer("https://reg/", "https://user@a/") == ErrorKind::corrupt);
    CHECK(realm.requests().empty());

    AuthSubject insecure = kSubject;
    insecure.verifies_tls = false;
    Authenticator lax(http, {});
    CHECK(lax.answer(insecure,
                     challenge("https://reg/", "Bearer realm=\"" + realm.origin() + "\""),
                     "") == "Bearer t");
}

TEST_CASE("a token server that refuses") {
    int status = 401;
    FakeHttpServer realm([&](const FakeRequest&) {
        return FakeResponse{.status = status, .body = R"({"errors":[{"message":"no"}]})"};
    });
    HttpClient http({});
    Authenticator authenticator(http,
                                {.credentials = std::make_shared<FixedCredentials>(
                                     Credentials{.username = "u", .password = "hunter2"})});
    const auto response =
        challenge("http://127.0.0.1:5000/v2/", fmt::format(R"(Bearer realm="{}")", realm.origin()));
    const auto [kind, text] = error_of([&] { (void)authenticator.answer(kSubject, response, ""); });
    CHECK(kind == ErrorKind::permission_denied);
    CHECK(text == fmt::format("token server {} refuses reg: no", realm.authority()));
    status = 503;
    CHECK(error_of([&] { (void)authenticator.answer(kSubject, response, ""); }).first ==
          ErrorKind::unavailable);
    status = 404;
    CHECK(error_of([&] { (void)authenticator.answer(kSubject, response, ""); }).first ==
          ErrorKind::permission_denied);
}
