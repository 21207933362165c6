#include "oci/registry/upload.h"

#include <algorithm>
#include <atomic>

#include <doctest/doctest.h>

#include "base/error.h"
#include "oci/media_type.h"
#include "tests/support/fake_http_server.h"

using nau::ErrorKind;
using nau::oci::BlobToPut;
using nau::oci::ClientOptions;
using nau::oci::Credentials;
using nau::oci::Descriptor;
using nau::oci::Digest;
using nau::oci::digest_of;
using nau::oci::make_registry_uploader;
using nau::oci::parse_reference;
using nau::oci::PutResult;
using nau::oci::Reference;
using nau::test::FakeHttpServer;
using nau::test::FakeRequest;
using nau::test::FakeResponse;
namespace mt = nau::oci::media_type;

namespace {

ClientOptions options() {
    ClientOptions result;
    result.certs_dirs = {};
    result.sleep = [](std::chrono::milliseconds) {};
    return result;
}

class FixedCredentials final : public nau::oci::CredentialSource {
  public:
    std::optional<Credentials> find(std::string_view, std::string_view) override {
        return Credentials{.username = "alice", .password = "secret"};
    }
};

BlobToPut blob_of(const std::string& bytes) {
    return {.digest = digest_of(bytes),
            .size_bytes = bytes.size(),
            .read = [bytes](uint64_t offset, std::span<char> buffer) {
                const size_t count = std::min<size_t>(buffer.size(), bytes.size() - offset);
                std::copy_n(bytes.data() + offset, count, buffer.data());
                return count;
            }};
}

Reference repository(const FakeHttpServer& server) {
    return parse_reference(server.authority() + "/team/app");
}

FakeResponse accepted(const std::string& location) {
    return {.status = 202, .headers = {{"Location", location}}};
}

template <typename Action>
nau::Error failure_of(Action action) {
    try {
        action();
    } catch (const nau::Error& error) {
        return error;
    }
    return {ErrorKind::internal, "accepted"};
}

std::vector<std::string> lines_of(const FakeHttpServer& server) {
    std::vector<std::string> lines;
    for (const auto& request : server.requests()) {
        lines.push_back(request.method + " " + request.target);
    }
    return lines;
}

}  // namespace

TEST_CASE("a blob is there when the registry says so") {
    const Digest known = digest_of("known");
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        return {.status = request.target.ends_with(known.to_string()) ? 200 : 404};
    });
    const auto uploader = make_registry_uploader(options(), repository(server));
    CHECK(uploader->has_blob(known));
    CHECK_FALSE(uploader->has_blob(digest_of("other")));
}

TEST_CASE("a blob goes up in one piece, to where the registry says") {
    FakeHttpServer server([](const FakeRequest& request) -> FakeResponse {
        return request.method == "POST" ? accepted("/elsewhere/1?state=x")
                                        : FakeResponse{.status = 201};
    });
    const std::string bytes(3'000'000, 'b');
    uint64_t sent = 0;
    BlobToPut blob = blob_of(bytes);
    blob.on_progress = [&](uint64_t count) { sent = count; };
    const auto uploader = make_registry_uploader(options(), repository(server));
    CHECK(uploader->put_blob(blob) == PutResult::uploaded);
    CHECK(sent == bytes.size());
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].target == "/v2/team/app/blobs/uploads/");
    CHECK(requests[1].method == "PUT");
    CHECK(requests[1].target ==
          "/elsewhere/1?state=x&digest=sha256%3A" + std::string(blob.digest.hex()));
    CHECK(requests[1].body == bytes);
}

TEST_CASE("a blob of another repository is mounted and not read") {
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.status = 201}; });
    BlobToPut blob = blob_of("bytes");
    blob.mounts_from = "library/base";
    bool is_opened = false;
    blob.open = [&] { is_opened = true; };
    const auto uploader = make_registry_uploader(options(), repository(server));
    CHECK(uploader->put_blob(blob) == PutResult::mounted);
    CHECK_FALSE(is_opened);
    CHECK(lines_of(server) ==
          std::vector<std::string>{"POST /v2/team/app/blobs/uploads/?mount=sha256%3A" +
                                   std::string(blob.digest.hex()) + "&from=library%2Fbase"});
}

TEST_CASE("a registry that does not mount gets the bytes in the upload that it began") {
    FakeHttpServer server([](const FakeRequest& request) -> FakeResponse {
        return request.method == "POST" ? accepted("/up") : FakeResponse{.status = 201};
    });
    BlobToPut blob = blob_of("bytes");
    blob.mounts_from = "library/base";
    int opened = 0;
    blob.open = [&] { ++opened; };
    CHECK(make_registry_uploader(options(), repository(server))->put_blob(blob) ==
          PutResult::uploaded);
    CHECK(opened == 1);
    CHECK(server.requests().size() == 2);
}

TEST_CASE("an upload that broke off goes on where the registry has it") {
    std::atomic<int> puts = 0;
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        if (request.method == "POST") {
            return accepted("/up/1");
        }
        if (request.method == "GET") {
            return {.status = 204, .headers = {{"Location", "/up/2"}, {"Range", "0-3"}}};
        }
        if (request.method == "PATCH") {
            return accepted("/up/3");
        }
        return {.status = ++puts == 1 ? 503 : 201};
    });
    CHECK(make_registry_uploader(options(), repository(server))->put_blob(blob_of("0123456789")) ==
          PutResult::uploaded);
    const auto requests = server.requests();
    REQUIRE(requests.size() == 5);
    CHECK(requests[2].method == "GET");
    CHECK(requests[3].method == "PATCH");
    CHECK(requests[3].target == "/up/2");
    CHECK(requests[3].header("content-range") == "4-9");
    CHECK(requests[3].body == "456789");
    CHECK(requests[4].target.starts_with("/up/3?digest="));
    CHECK(requests[4].body.empty());
}

TEST_CASE("a registry that has lost the upload begins anew") {
    std::atomic<int> puts = 0;
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        if (request.method == "POST") {
            return accepted("/up");
        }
        if (request.method == "GET") {
            return {.status = 404};
        }
        return {.status = ++puts == 1 ? 500 : 201};
    });
    CHECK(make_registry_uploader(options(), repository(server))->put_blob(blob_of("bytes")) ==
          PutResult::uploaded);
    CHECK(server.requests().back().body == "bytes");
    CHECK(server.requests().size() == 5);
}

TEST_CASE("where bodies are limited the blob goes in pieces") {
    const uint64_t size = nau::oci::kUploadChunkBytes + 5;
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        if (request.method == "PUT") {
            return {.status = request.body.size() == size ? 413 : 201};
        }
        return accepted("/up");
    });
    const std::string bytes(size, 'x');
    CHECK(make_registry_uploader(options(), repository(server))->put_blob(blob_of(bytes)) ==
          PutResult::uploaded);
    std::vector<std::string> ranges;
    for (const auto& request : server.requests()) {
        if (request.method == "PATCH") {
            ranges.push_back(request.header("content-range"));
        }
    }
    CHECK(ranges == std::vector<std::string>{"0-16777215", "16777216-16777220"});
}

TEST_CASE("an upload elsewhere gets no credentials") {
    FakeHttpServer store([](const FakeRequest&) { return FakeResponse{.status = 201}; });
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        if (request.header("authorization").empty()) {
            return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
        }
        return accepted(store.origin() + "/signed?key=1");
    });
    ClientOptions with_password = options();
    with_password.credentials = std::make_shared<FixedCredentials>();
    (void)make_registry_uploader(with_password, repository(server))->put_blob(blob_of("bytes"));
    REQUIRE(store.requests().size() == 1);
    CHECK(store.requests()[0].header("authorization").empty());
    CHECK(store.requests()[0].body == "bytes");
}

TEST_CASE("one token is for reading and writing, whatever was asked first") {
    std::string scope;
    FakeHttpServer server([&](const FakeRequest& request) -> FakeResponse {
        if (request.target.starts_with("/token")) {
            scope += request.target.substr(request.target.find("scope="));
            return {.body = R"({"token":"t","expires_in":300})"};
        }
        if (request.header("authorization") != "Bearer t") {
            const std::string realm = "http://" + request.header("host") + "/token";
            return {.status = 401,
                    .headers = {{"WWW-Authenticate",
                                 "Bearer realm=\"" + realm +
                                     "\",service=\"s\",scope=\"repository:team/app:pull\""}}};
        }
        return request.method == "POST"
                   ? accepted("/up")
                   : FakeResponse{.status = request.method == "HEAD" ? 404 : 201};
    });
    const auto uploader = make_registry_uploader(options(), repository(server));
    CHECK_FALSE(uploader->has_blob(digest_of("bytes")));
    (void)uploader->put_blob(blob_of("bytes"));
    CHECK(scope == "scope=repository%3Ateam%2Fapp%3Apull%2Cpush");
}

TEST_CASE("a manifest is compared with what the registry has made of it") {
    const std::string bytes = R"({"schemaVersion":2})";
    const Descriptor descriptor{.media_type = std::string(mt::kImageManifest),
                                .digest = digest_of(bytes),
                                .size_bytes = bytes.size()};
    Digest answer = descriptor.digest;
    FakeHttpServer server([&](const FakeRequest&) -> FakeResponse {
        return {.status = 201, .headers = {{"Docker-Content-Digest", answer.to_string()}}};
    });
    const auto uploader = make_registry_uploader(options(), repository(server));
    uploader->put_manifest("v1", descriptor, bytes);
    const auto request = server.requests().front();
    CHECK(request.target == "/v2/team/app/manifests/v1");
    CHECK(request.header("content-type") == mt::kImageManifest);
    CHECK(request.body == bytes);
    answer = digest_of("other");
    CHECK(failure_of([&] { uploader->put_manifest("v1", descriptor, bytes); }).kind() ==
          ErrorKind::corrupt);
}

TEST_CASE("what a registry refuses") {
    struct Case {
        int status;
        ErrorKind kind;
        const char* text;
    };
    for (const Case& each : {Case{401, ErrorKind::permission_denied, "access denied"},
                             Case{403, ErrorKind::permission_denied, "access denied"},
                             Case{404, ErrorKind::not_found, "is unknown"},
                             Case{405, ErrorKind::unsupported, "takes no uploads"},
                             Case{413, ErrorKind::unavailable, "of this size"},
                             Case{200, ErrorKind::corrupt, "status 200"}}) {
        FakeHttpServer server(
            [&](const FakeRequest&) { return FakeResponse{.status = each.status}; });
        const auto uploader = make_registry_uploader(options(), repository(server));
        const auto error = failure_of([&] { (void)uploader->put_blob(blob_of("bytes")); });
        INFO(each.status, " ", error.text());
        CHECK(error.kind() == each.kind);
        CHECK(error.text().find(each.text) != std::string::npos);
    }
}

TEST_CASE("a registry that does not say where to upload to") {
    FakeHttpServer server([](const FakeRequest&) { return FakeResponse{.status = 202}; });
    const auto error = failure_of([&] {
        (void)make_registry_uploader(options(), repository(server))->put_blob(blob_of("bytes"));
    });
    CHECK(error.kind() == ErrorKind::corrupt);
}
