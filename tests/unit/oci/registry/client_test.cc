#include "oci/registry/client.h"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/parse.h"
#include "oci/base64.h"
#include "oci/media_type.h"
#include "tests/support/fake_http_server.h"

using namespace std::chrono_literals;
using nau::ErrorKind;
using nau::oci::BlobRequest;
using nau::oci::ClientOptions;
using nau::oci::Credentials;
using nau::oci::Descriptor;
using nau::oci::Digest;
using nau::oci::digest_of;
using nau::oci::make_registry_client;
using nau::oci::parse_reference;
using nau::oci::Reference;
using nau::test::FakeHttpServer;
using nau::test::FakeRequest;
using nau::test::FakeResponse;
namespace mt = nau::oci::media_type;

namespace {

const std::string kIndex = R"({"schemaVersion":2,"manifests":[]})";

/// Options of a test: no certificates of the machine, and waits that are only written down.
ClientOptions options(std::vector<std::chrono::milliseconds>* waits = nullptr) {
    ClientOptions result;
    result.certs_dirs = {};
    result.sleep = [waits](std::chrono::milliseconds duration) {
        if (waits != nullptr) {
            waits->push_back(duration);
        }
    };
    return result;
}

FakeResponse manifest(const std::string& body,
                      std::string_view content_type = mt::kImageIndex,
                      const std::string& digest = "") {
    FakeResponse response{.headers = {{"Content-Type", std::string(content_type)}}, .body = body};
    if (!digest.empty()) {
        response.headers.emplace_back("Docker-Content-Digest", digest);
    }
    return response;
}

FakeResponse failure(int status, const std::string& message) {
    return {.status = status, .body = R"({"errors":[{"message":")" + message + R"("}]})"};
}

struct Failure {
    ErrorKind kind;
    std::string text;
    std::string hint;
};

template <typename Action>
Failure failure_of(Action action) {
    try {
        action();
    } catch (const nau::Error& error) {
        return {error.kind(), error.text(), error.hint()};
    }
    return {ErrorKind::internal, "accepted", ""};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class FixedCredentials final : public nau::oci::CredentialSource {
  public:
    std::optional<Credentials> find(std::string_view registry, std::string_view) override {
        asked_for = registry;
        return Credentials{.username = "user", .password = "hunter2"};
    }
    std::string asked_for;
};

/// A blob and what came of fetching it.
struct BlobCase {
    std::string content = [] {
        std::string text;
        for (int i = 0; i < 300'000; ++i) {
            text += std::to_string(i);
        }
        return text;
    }();
    std::string received;

    BlobRequest request(const FakeHttpServer& server) const {
        return {.repository = parse_reference(server.authority() + "/app"),
                .digest = digest_of(content),
                .size_bytes = content.size()};
    }
    nau::oci::BlobSink sink() {
        return [this](std::span<const std::byte> bytes) {
            received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        };
    }
    /// What a good registry answers.
    FakeResponse serve(const FakeRequest& asked) const {
        const std::string range = asked.header("range");
        if (range.empty()) {
            return {.body = content};
        }
        const size_t first = nau::parse_uint64(range.substr(6, range.size() - 7)).value();
        return {
            .status = 206,
            .headers = {{"Content-Range",
                         fmt::format("bytes {}-{}/{}", first, content.size() - 1, content.size())}},
            .body = content.substr(first)};
    }
};

}  // namespace

// --- manifests

TEST_CASE("a manifest is fetched by tag and by digest") {
    const Digest digest = digest_of(kIndex);
    FakeHttpServer server([&](const FakeRequest&) {
        return manifest(
            kIndex, "Application/vnd.oci.image.index.v1+JSON; charset=utf-8", digest.to_string());
    });
    const auto client = make_registry_client(options());
    const Reference reference = parse_reference(server.authority() + "/a/b:1.0");
    const auto fetched = client->get_manifest(reference);
    CHECK(fetched.bytes == kIndex);
    CHECK(fetched.media_type == mt::kImageIndex);
    CHECK(fetched.digest == digest);
    const FakeRequest request = server.requests().at(0);
    CHECK(request.target == "/v2/a/b/manifests/1.0");
    for (const auto type :
         {mt::kImageIndex, mt::kImageManifest, mt::kDockerManifestList, mt::kDockerManifest}) {
        CHECK(contains(request.header("accept"), std::string(type)));
    }

    CHECK(client->get_manifest(reference.with_digest(digest)).digest == digest);
    CHECK(server.requests().back().target == "/v2/a/b/manifests/" + digest.to_string());
    // The digest decides when there is a tag as well.
    CHECK(client->get_manifest(parse_reference(server.authority() + "/a:1@" + digest.to_string()))
              .digest == digest);
    CHECK(server.requests().back().target == "/v2/a/manifests/" + digest.to_string());
    CHECK(server.connection_count() == 1);
}

TEST_CASE("a manifest under a sha512 digest is verified as such") {
    const Digest digest = digest_of(kIndex, nau::oci::DigestAlgorithm::sha512);
    FakeHttpServer server([&](const FakeRequest&) { return manifest(kIndex); });
    const auto client = make_registry_client(options());
    const Reference reference = parse_reference(server.authority() + "/a@" + digest.to_string());
    CHECK(client->get_manifest(reference).digest == digest);
}

TEST_CASE("the media type is detected when the registry does not know it") {
    std::string type;
    FakeHttpServer server([&](const FakeRequest&) { return manifest(kIndex, type); });
    const auto client = make_registry_client(options());
    const Reference reference = parse_reference(server.authority() + "/a");
    for (const char* useless : {"text/plain; charset=utf-8", "application/json", "", "nonsense"}) {
        CAPTURE(useless);
        type = useless;
        CHECK(client->get_manifest(reference).media_type == mt::kImageIndex);
    }
}

TEST_CASE("a manifest that does not match is never returned") {
    const Digest wrong = digest_of("something else");
    struct Row {
        const char* what;
        FakeResponse response;
        bool by_digest;
        const char* error;
    };
    for (const auto& row : {
             Row{"announced digest differs",
                 manifest(kIndex, mt::kImageIndex, wrong.to_string()),
                 false,
                 "content has digest"},
             Row{"asked for another digest", manifest(kIndex), true, "content has digest"},
             Row{"announced right, asked for another",
                 manifest(kIndex, mt::kImageIndex, digest_of(kIndex).to_string()),
                 true,
                 "content has digest"},
             Row{"not JSON", manifest("<html>", "text/html"), false, "is not valid JSON"},
             Row{"neither manifest nor index", manifest("{}", "text/html"), false, "has no"},
             Row{"too large",
                 manifest(std::string((4U << 20U) + 1, ' ')),
                 false,
                 "larger than 4194304 bytes"},
         }) {
        CAPTURE(row.what);
        FakeHttpServer server([&](const FakeRequest&) { return row.response; });
        const auto client = make_registry_client(options());
        Reference reference = parse_reference(server.authority() + "/a");
        if (row.by_digest) {
            reference = reference.with_digest(wrong);
        }
        const Failure failure = failure_of([&] { (void)client->get_manifest(reference); });
        CHECK(failure.kind == ErrorKind::corrupt);
        CHECK(contains(failure.text, row.error));
    }
}

TEST_CASE("an unreadable announced digest is not believed and not minded") {
    FakeHttpServer server([](const FakeRequest&) {
        return manifest(kIndex, mt::kImageIndex, "sha256:../../etc/passwd");
    });
    const auto client = make_registry_client(options());
    CHECK(client->get_manifest(parse_reference(server.authority() + "/a")).digest ==
          digest_of(kIndex));
}

TEST_CASE("a manifest out of an index has the index's size and type") {
    FakeHttpServer server([](const FakeRequest&) { return manifest(kIndex); });
    const auto client = make_registry_client(options());
    const Reference repository = parse_reference(server.authority() + "/a:tag");
    Descriptor descriptor{.media_type = std::string(mt::kImageIndex),
                          .digest = digest_of(kIndex),
                          .size_bytes = kIndex.size()};
    CHECK(client->get_manifest(repository, descriptor).bytes == kIndex);

    Descriptor other = descriptor;
    other.size_bytes += 1;
    CHECK(
        contains(failure_of([&] { (void)client->get_manifest(repository, other); }).text,
                 fmt::format("has {} bytes, the index says {}", kIndex.size(), kIndex.size() + 1)));
    other = descriptor;
    other.media_type = mt::kImageManifest;
    CHECK(contains(failure_of([&] { (void)client->get_manifest(repository, other); }).text,
                   "is of type"));

    const size_t asked = server.requests().size();
    other = descriptor;
    other.size_bytes = 5U << 20U;
    CHECK(failure_of([&] { (void)client->get_manifest(repository, other); }).kind ==
          ErrorKind::corrupt);
    // Embedded content needs no request, but the same digest.
    other = descriptor;
    other.data = kIndex;
    CHECK(client->get_manifest(repository, other).bytes == kIndex);
    other.data = std::string(kIndex.size(), 'x');
    CHECK(failure_of([&] { (void)client->get_manifest(repository, other); }).kind ==
          ErrorKind::corrupt);
    CHECK(server.requests().size() == asked);
}

TEST_CASE("HEAD tells what a reference points at") {
    const Digest digest = digest_of(kIndex);
    int status = 200;
    bool has_headers = true;
    FakeHttpServer server([&](const FakeRequest&) {
        FakeResponse response = manifest(kIndex, mt::kImageIndex, digest.to_string());
        response.status = status;
        if (!has_headers) {
            response.headers.clear();
        }
        return response;
    });
    const auto client = make_registry_client(options());
    const Reference reference = parse_reference(server.authority() + "/a");
    const Descriptor expected{
        .media_type = std::string(mt::kImageIndex), .digest = digest, .size_bytes = kIndex.size()};
    CHECK(client->head_manifest(reference) == expected);
    CHECK(server.requests().back().method == "HEAD");
    has_headers = false;
    CHECK(client->head_manifest(reference) == expected);
    CHECK(server.requests().back().method == "GET");
    status = 404;
    CHECK(client->head_manifest(reference) == std::nullopt);
    status = 403;
    CHECK(failure_of([&] { (void)client->head_manifest(reference); }).kind ==
          ErrorKind::permission_denied);
}

TEST_CASE("refusals name the image and the remedy") {
    int status = 0;
    FakeHttpServer server([&](const FakeRequest&) { return failure(status, "because"); });
    const std::string registry = server.authority();
    const auto client = make_registry_client(options());
    const auto fail_with = [&](int s) {
        status = s;
        return failure_of(
            [&] { (void)client->get_manifest(parse_reference(registry + "/app:1")); });
    };
    Failure failure = fail_with(404);
    CHECK(failure.kind == ErrorKind::not_found);
    CHECK(failure.text == fmt::format("image '{0}/app:1' is unknown to {0}: because", registry));
    failure = fail_with(403);
    CHECK(failure.kind == ErrorKind::permission_denied);
    CHECK(failure.text == fmt::format("access denied to image '{}/app:1': because", registry));
    CHECK(contains(failure.hint, "nau login " + registry));
    failure = fail_with(400);
    CHECK(failure.kind == ErrorKind::unavailable);
    CHECK(contains(failure.text, "because"));
}

TEST_CASE("an unreachable registry is told once and not retried") {
    std::string authority;
    {
        const FakeHttpServer server([](const FakeRequest&) { return FakeResponse{}; });
        authority = server.authority();
    }
    std::vector<std::chrono::milliseconds> waits;
    const auto client = make_registry_client(options(&waits));
    const Failure failure =
        failure_of([&] { (void)client->get_manifest(parse_reference(authority + "/a")); });
    CHECK(failure.kind == ErrorKind::unavailable);
    CHECK(failure.text == fmt::format("connect to {}: Connection refused", authority));
    CHECK(waits.empty());
}

// --- authorisation

TEST_CASE("a bearer token is fetched once and used for all") {
    std::string realm;
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.target.substr(0, 6) == "/token") {
            return FakeResponse{.body = R"({"token":"good"})"};
        }
        if (request.header("authorization") != "Bearer good") {
            return FakeResponse{.status = 401, .headers = {{"WWW-Authenticate", realm}}};
        }
        return manifest(kIndex);
    });
    realm = fmt::format(R"(Bearer realm="{}/token",service="s",scope="repository:a:pull")",
                        server.origin());
    const auto credentials = std::make_shared<FixedCredentials>();
    ClientOptions with_credentials = options();
    with_credentials.credentials = credentials;
    const auto client = make_registry_client(with_credentials);
    const Reference reference = parse_reference(server.authority() + "/a");
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(credentials->asked_for == server.authority());
    std::string targets;
    for (const auto& request : server.requests()) {
        targets += request.target.substr(0, 6) + " ";
    }
    CHECK(targets == "/v2/a/ /token /v2/a/ /v2/a/ ");
    CHECK(server.requests()[1].header("authorization") ==
          "Basic " + nau::oci::encode_base64("user:hunter2"));
}

TEST_CASE("an expired token is renewed in the middle of the work") {
    std::atomic<int> valid = 1;
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.target.substr(0, 6) == "/token") {
            return FakeResponse{.body = fmt::format(R"({{"token":"t{}"}})", valid.load())};
        }
        if (request.header("authorization") != fmt::format("Bearer t{}", valid.load())) {
            return FakeResponse{.status = 401,
                                .headers = {{"WWW-Authenticate",
                                             fmt::format(R"(Bearer realm="http://{}/token")",
                                                         request.header("host"))}}};
        }
        return manifest(kIndex);
    });
    const auto client = make_registry_client(options());
    const Reference reference = parse_reference(server.authority() + "/a");
    CHECK(client->get_manifest(reference).bytes == kIndex);
    valid = 2;
    CHECK(client->get_manifest(reference).bytes == kIndex);
}

TEST_CASE("a registry that refuses every token is asked a bounded number of times") {
    std::atomic<int> number = 0;
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.target.substr(0, 6) == "/token") {
            return FakeResponse{.body = fmt::format(R"({{"token":"t{}"}})", ++number)};
        }
        FakeResponse response = failure(401, "authentication required");
        response.headers.emplace_back(
            "WWW-Authenticate",
            fmt::format(R"(Bearer realm="http://{}/token")", request.header("host")));
        return response;
    });
    const auto client = make_registry_client(options());
    const Failure failure =
        failure_of([&] { (void)client->get_manifest(parse_reference(server.authority() + "/a")); });
    CHECK(failure.kind == ErrorKind::permission_denied);
    CHECK(contains(failure.text, "authentication required"));
    CHECK(number == 2);
}

TEST_CASE("basic credentials, right, wrong and absent") {
    FakeHttpServer server([](const FakeRequest& request) {
        if (request.header("authorization") != "Basic " + nau::oci::encode_base64("user:hunter2")) {
            FakeResponse response = failure(401, "authentication required");
            response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
            return response;
        }
        return manifest(kIndex);
    });
    const Reference reference = parse_reference(server.authority() + "/a");
    ClientOptions with_credentials = options();
    with_credentials.credentials = std::make_shared<FixedCredentials>();
    CHECK(make_registry_client(with_credentials)->get_manifest(reference).bytes == kIndex);
    make_registry_client(with_credentials)->ping(server.authority());

    const Failure failure =
        failure_of([&] { (void)make_registry_client(options())->get_manifest(reference); });
    CHECK(failure.kind == ErrorKind::permission_denied);
    CHECK(contains(failure.hint, "nau login"));

    ClientOptions with_wrong = options();
    with_wrong.credentials = std::make_shared<nau::oci::FileCredentials>(
        nau::oci::CredentialOptions{.creds = "user:topsecret"});
    const Failure wrong =
        failure_of([&] { (void)make_registry_client(with_wrong)->get_manifest(reference); });
    CHECK(wrong.kind == ErrorKind::permission_denied);
    CHECK_FALSE(contains(wrong.text + wrong.hint, "topsecret"));
}

TEST_CASE("credentials follow neither a redirect nor the challenge of another host") {
    FakeHttpServer storage([](const FakeRequest&) {
        FakeResponse response = failure(401, "who are you");
        response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"gimme\"");
        return response;
    });
    BlobCase blob;
    FakeHttpServer server([&](const FakeRequest& request) {
        if (request.header("authorization").empty()) {
            return FakeResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
        }
        return FakeResponse{.status = 307, .headers = {{"Location", storage.origin() + "/blob"}}};
    });
    ClientOptions with_credentials = options();
    with_credentials.credentials = std::make_shared<FixedCredentials>();
    const auto client = make_registry_client(with_credentials);
    const Failure failure =
        failure_of([&] { client->get_blob(blob.request(server), blob.sink()); });
    CHECK(failure.kind == ErrorKind::permission_denied);
    REQUIRE(storage.requests().size() == 1);
    CHECK(storage.requests()[0].header("authorization") == "");
}

// --- trying again

TEST_CASE("a registry that is busy is asked again when it says") {
    std::atomic<int> count = 0;
    FakeHttpServer server([&](const FakeRequest&) {
        switch (++count) {
            case 1:
                return FakeResponse{.status = 429, .headers = {{"Retry-After", "7"}}};
            case 2:
                return FakeResponse{.status = 503};
            case 3:
                return FakeResponse{.raw = "HTTP/1.1 200 OK\r\nContent-"};
            default:
                return manifest(kIndex);
        }
    });
    std::vector<std::chrono::milliseconds> waits;
    std::vector<std::string> reasons;
    ClientOptions noticing = options(&waits);
    noticing.on_retry = [&](const nau::oci::RetryNotice& notice) {
        reasons.push_back(notice.reason);
        CHECK(notice.attempt == static_cast<int>(reasons.size()));
        CHECK(notice.max_attempts == 5);
    };
    const auto client = make_registry_client(noticing);
    CHECK(client->get_manifest(parse_reference(server.authority() + "/a")).bytes == kIndex);
    REQUIRE(waits.size() == 3);
    CHECK(waits[0] == 7s);
    CHECK((waits[1] > 750ms && waits[1] <= 1s));
    CHECK((waits[2] > 1500ms && waits[2] <= 2s));
    CHECK(contains(reasons[0], "status 429"));
    CHECK(contains(reasons[1], "status 503"));
}

TEST_CASE("patience has an end") {
    FakeResponse answer{.status = 503};
    FakeHttpServer server([&](const FakeRequest&) { return answer; });
    std::vector<std::chrono::milliseconds> waits;
    ClientOptions impatient = options(&waits);
    impatient.max_attempts = 3;
    const auto client = make_registry_client(impatient);
    const auto fail = [&] {
        return failure_of(
            [&] { (void)client->get_manifest(parse_reference(server.authority() + "/a")); });
    };
    CHECK(fail().kind == ErrorKind::unavailable);
    CHECK(waits.size() == 2);
    CHECK(server.requests().size() == 3);

    answer = {.status = 429, .headers = {{"Retry-After", "3600"}}};
    CHECK(contains(fail().text, "limits the number of requests"));
    CHECK(server.requests().size() == 4);
}

// --- blobs

TEST_CASE("a blob is streamed whole, or from an offset") {
    BlobCase blob;
    FakeHttpServer server([&](const FakeRequest& request) { return blob.serve(request); });
    const auto client = make_registry_client(options());
    client->get_blob(blob.request(server), blob.sink());
    CHECK(blob.received == blob.content);
    CHECK(server.requests()[0].target == "/v2/app/blobs/" + digest_of(blob.content).to_string());
    CHECK(server.requests()[0].header("range") == "");

    blob.received.clear();
    BlobRequest request = blob.request(server);
    request.offset = 1000;
    client->get_blob(request, blob.sink());
    CHECK(blob.received == blob.content.substr(1000));
    CHECK(server.requests()[1].header("range") == "bytes=1000-");

    // All is there: nothing to ask.
    blob.received.clear();
    request.offset = request.size_bytes;
    client->get_blob(request, blob.sink());
    CHECK(blob.received.empty());
    CHECK(server.requests().size() == 2);
}

TEST_CASE("a registry without ranges sends all, and what is there is let pass by") {
    BlobCase blob;
    FakeHttpServer server([&](const FakeRequest&) { return FakeResponse{.body = blob.content}; });
    BlobRequest request = blob.request(server);
    request.offset = 777'777;
    make_registry_client(options())->get_blob(request, blob.sink());
    CHECK(blob.received == blob.content.substr(777'777));
}

TEST_CASE("a lost connection is taken up where it broke") {
    BlobCase blob;
    std::atomic<int> count = 0;
    for (const bool knows_ranges : {true, false}) {
        CAPTURE(knows_ranges);
        count = 0;
        blob.received.clear();
        FakeHttpServer server([&](const FakeRequest& request) {
            FakeResponse response =
                knows_ranges ? blob.serve(request) : FakeResponse{.body = blob.content};
            if (++count <= 2) {
                response.cut_after = static_cast<size_t>(count) * 300'000;
            }
            return response;
        });
        std::vector<std::chrono::milliseconds> waits;
        make_registry_client(options(&waits))->get_blob(blob.request(server), blob.sink());
        CHECK((blob.received == blob.content));
        CHECK(waits.size() == 2);
        CHECK(server.requests()[1].header("range") == "bytes=300000-");
    }
}

TEST_CASE("who makes progress may fail more often") {
    BlobCase blob;
    blob.content = std::string(size_t{8} << 20U, 'b');
    FakeHttpServer server([&](const FakeRequest& request) {
        FakeResponse response = blob.serve(request);
        response.cut_after = (size_t{1} << 20U) + 1;
        return response;
    });
    ClientOptions impatient = options();
    impatient.max_attempts = 2;
    make_registry_client(impatient)->get_blob(blob.request(server), blob.sink());
    CHECK((blob.received == blob.content));
    CHECK(server.requests().size() == 8);

    FakeHttpServer slow([&](const FakeRequest& request) {
        FakeResponse response = blob.serve(request);
        response.cut_after = 1;
        return response;
    });
    blob.received.clear();
    CHECK(failure_of([&] {
              make_registry_client(impatient)->get_blob(blob.request(slow), blob.sink());
          }).kind == ErrorKind::unavailable);
    CHECK(blob.received.size() == 2);
}

TEST_CASE("wrong lengths and ranges are refused before the sink sees a wrong byte") {
    BlobCase blob;
    const size_t size = blob.content.size();
    const auto range = [&](const std::string& text) {
        return FakeResponse{
            .status = 206, .headers = {{"Content-Range", text}}, .body = blob.content.substr(100)};
    };
    struct Row {
        const char* what;
        FakeResponse response;
        uint64_t offset;
        const char* error;
    };
    for (const auto& row : {
             Row{"one byte more", {.body = blob.content + "x"}, 0, "its descriptor says"},
             Row{"one byte less", {.body = blob.content.substr(1)}, 0, "its descriptor says"},
             Row{"one byte more, unannounced",
                 {.body = blob.content + "x", .is_chunked = true},
                 0,
                 "is larger than the"},
             Row{"one byte less, unannounced",
                 {.body = blob.content.substr(1), .is_chunked = true},
                 0,
                 "ended after"},
             Row{"another range", range(fmt::format("bytes 99-{}/{}", size - 1, size)), 100, "got"},
             Row{"a range of another object",
                 range(fmt::format("bytes 100-{}/{}", size - 1, size + 1)),
                 100,
                 "got"},
             Row{"a range beyond the end", range(fmt::format("bytes 100-{}/*", size)), 100, "got"},
             Row{"a range without numbers", range("bytes */100"), 100, "got"},
             Row{"a range in other units",
                 range(fmt::format("pages 100-{}/{}", size - 1, size)),
                 100,
                 "got"},
             Row{"no range", {.status = 206, .body = blob.content.substr(100)}, 100, "got ''"},
             Row{"a range that nobody asked for",
                 range(fmt::format("bytes 100-{}/{}", size - 1, size)),
                 0,
                 "got"},
             Row{"an odd success", {.status = 204}, 0, "unexpected status 204"},
         }) {
        CAPTURE(row.what);
        FakeHttpServer server([&](const FakeRequest&) { return row.response; });
        ClientOptions once = options();
        once.max_attempts = 1;
        BlobRequest request = blob.request(server);
        request.offset = row.offset;
        blob.received.clear();
        const Failure failure =
            failure_of([&] { make_registry_client(once)->get_blob(request, blob.sink()); });
        CHECK(failure.kind == ErrorKind::corrupt);
        CHECK(contains(failure.text, row.error));
        CHECK(contains(failure.text, "fetching sha256:"));
        CHECK(blob.received.size() <= size);
    }
}

TEST_CASE("a failing sink ends the transfer with its own error") {
    BlobCase blob;
    FakeHttpServer server([&](const FakeRequest& request) { return blob.serve(request); });
    const auto client = make_registry_client(options());
    const Failure failure = failure_of([&] {
        client->get_blob(blob.request(server), [](std::span<const std::byte>) {
            throw nau::SysError(ENOSPC, "write ingest");
        });
    });
    CHECK(contains(failure.text, "write ingest: No space left on device"));
    CHECK(server.requests().size() == 1);
}

TEST_CASE("one blob is stopped, the others go on") {
    BlobCase blob;
    std::atomic<bool> is_asked = false;
    std::atomic<bool> hangs = true;
    FakeHttpServer server([&](const FakeRequest& request) {
        FakeResponse response = blob.serve(request);
        if (hangs) {
            response.content_length = blob.content.size();
            response.body.resize(1000);
            response.hangs = true;
            is_asked = true;
            is_asked.notify_all();
        }
        return response;
    });
    std::stop_source source;
    BlobRequest request = blob.request(server);
    request.stop = source.get_token();
    const auto client = make_registry_client(options());
    {
        const std::jthread stopper([&] {
            is_asked.wait(false);
            source.request_stop();
        });
        CHECK(failure_of([&] { client->get_blob(request, blob.sink()); }).kind ==
              ErrorKind::interrupted);
    }
    hangs = false;
    blob.received.clear();
    client->get_blob(blob.request(server), blob.sink());
    CHECK((blob.received == blob.content));
}

TEST_CASE("a wait before the next attempt can be stopped") {
    FakeHttpServer server([](const FakeRequest&) {
        return FakeResponse{.status = 503, .headers = {{"Retry-After", "100"}}};
    });
    std::stop_source source;
    ClientOptions sleeping = options();
    sleeping.sleep = {};
    sleeping.on_retry = [&](const nau::oci::RetryNotice&) { source.request_stop(); };
    BlobCase blob;
    BlobRequest request = blob.request(server);
    request.stop = source.get_token();
    CHECK(failure_of([&] {
              make_registry_client(sleeping)->get_blob(request, blob.sink());
          }).kind == ErrorKind::interrupted);
}

TEST_CASE("blobs that redirect to an object store") {
    BlobCase blob;
    FakeHttpServer storage([&](const FakeRequest& request) { return blob.serve(request); });
    FakeHttpServer server([&](const FakeRequest&) {
        return FakeResponse{.status = 307,
                            .headers = {{"Location", storage.origin() + "/b?signature=x%2Fy"}}};
    });
    BlobRequest request = blob.request(server);
    request.offset = 10;
    make_registry_client(options())->get_blob(request, blob.sink());
    CHECK(blob.received == blob.content.substr(10));
    CHECK(storage.requests()[0].target == "/b?signature=x%2Fy");
    CHECK(storage.requests()[0].header("range") == "bytes=10-");
}

TEST_CASE("a foreign layer is fetched from its urls, without credentials") {
    BlobCase blob;
    FakeHttpServer foreign([&](const FakeRequest& request) { return blob.serve(request); });
    FakeHttpServer server([](const FakeRequest& request) {
        if (request.header("authorization").empty()) {
            return FakeResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
        }
        return failure(404, "blob unknown");
    });
    ClientOptions with_credentials = options();
    with_credentials.credentials = std::make_shared<FixedCredentials>();
    const auto client = make_registry_client(with_credentials);
    BlobRequest request = blob.request(server);
    request.urls = {"file:///etc/passwd", server.origin() + "/nothing", foreign.origin() + "/x"};
    client->get_blob(request, blob.sink());
    CHECK((blob.received == blob.content));
    CHECK(foreign.requests()[0].header("authorization") == "");
    CHECK(server.requests().back().target == "/nothing");
    CHECK(server.requests().back().header("authorization") == "");

    request.urls = {};
    const Failure failure = failure_of([&] { client->get_blob(request, blob.sink()); });
    CHECK(failure.kind == ErrorKind::not_found);
    CHECK(contains(failure.text, "blob unknown"));
}

TEST_CASE("several blobs at once") {
    BlobCase blob;
    FakeHttpServer server([&](const FakeRequest& request) { return blob.serve(request); });
    const auto client = make_registry_client(options());
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                std::string received;
                client->get_blob(blob.request(server), [&](std::span<const std::byte> bytes) {
                    received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                });
                good += received == blob.content ? 1 : 0;
            });
        }
    }
    CHECK(good == 4);
}

// --- where to ask

TEST_CASE("plain HTTP is spoken to loopback without asking twice") {
    FakeHttpServer server([](const FakeRequest&) { return manifest(kIndex); });
    const auto client = make_registry_client(options());
    CHECK(
        client->get_manifest(parse_reference(fmt::format("localhost:{}/a", server.port()))).bytes ==
        kIndex);
    CHECK(server.requests().size() == 1);
    CHECK(server.connection_count() == 1);
}

TEST_CASE("a registry on loopback may speak TLS") {
    const auto certificate = nau::test::make_test_certificate("IP:127.0.0.1");
    FakeHttpServer server([](const FakeRequest&) { return manifest(kIndex); }, certificate);
    const Reference reference = parse_reference(server.authority() + "/a");
    ClientOptions careless = options();
    careless.tls_verify = false;
    const auto client = make_registry_client(careless);
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(server.requests().size() == 2);
    // Plain HTTP was tried once, and the origin that answered was kept.
    CHECK(server.connection_count() == 2);

    // Whoever verifies is told of the certificate, not of the first attempt.
    const Failure failure =
        failure_of([&] { (void)make_registry_client(options())->get_manifest(reference); });
    CHECK(failure.kind == ErrorKind::unavailable);
    CHECK(contains(failure.text, "is not trusted"));
    CHECK(contains(failure.hint, "certs.d/" + server.authority()));
}

TEST_CASE("a mirror is asked first and may fail") {
    bool has_image = true;
    FakeHttpServer mirror([&](const FakeRequest&) {
        return has_image ? manifest(kIndex) : failure(404, "manifest unknown");
    });
    FakeHttpServer server([](const FakeRequest&) { return manifest(kIndex); });
    ClientOptions mirrored = options();
    mirrored.endpoints = [&](const nau::oci::Reference& asked) {
        return std::vector<nau::oci::RegistryEndpoint>{
            {.registry = mirror.authority(),
             .repository = asked.repository(),
             .is_mirror = true,
             .upstream = asked.registry()},
            {.registry = asked.registry(), .repository = asked.repository()}};
    };
    const auto client = make_registry_client(mirrored);
    const Reference reference = parse_reference(server.authority() + "/a");
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(server.requests().empty());
    CHECK(mirror.requests().back().target ==
          fmt::format("/v2/a/manifests/latest?ns=127.0.0.1%3A{}", server.port()));
    has_image = false;
    CHECK(client->get_manifest(reference).bytes == kIndex);
    CHECK(server.requests().back().target == "/v2/a/manifests/latest");
}

TEST_CASE("ping finds out whether a registry is one") {
    int status = 200;
    FakeHttpServer server([&](const FakeRequest&) { return FakeResponse{.status = status}; });
    const auto client = make_registry_client(options());
    client->ping(server.authority());
    CHECK(server.requests().back().target == "/v2/");
    status = 404;
    CHECK(failure_of([&] { client->ping(server.authority()); }).kind == ErrorKind::unsupported);
    status = 401;
    CHECK(failure_of([&] { client->ping(server.authority()); }).kind ==
          ErrorKind::permission_denied);
}
