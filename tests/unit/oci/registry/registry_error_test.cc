#include "oci/registry/registry_error.h"

#include <doctest/doctest.h>

using nau::ErrorKind;
using nau::oci::describe_failure;
using nau::oci::failure_error;
using nau::oci::HttpResponse;

namespace {

HttpResponse response(int status, std::string body) {
    HttpResponse result;
    result.status = status;
    result.body = std::move(body);
    return result;
}

}  // namespace

TEST_CASE("the registry's own words are told, made harmless") {
    struct Row {
        std::string body;
        std::string text;
    };
    for (const auto& row : {
             Row{R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})",
                 "manifest unknown"},
             Row{R"({"errors":[{"code":"DENIED"}]})", "DENIED"},
             Row{R"({"errors":[{"code":"DENIED","message":""}]})", "DENIED"},
             Row{R"({"errors":[{"message":"a\u001b[31m\nb\u0007"}]})", "a [31m b "},
             Row{R"({"errors":[{"message":")" + std::string(300, 'x') + R"("}]})",
                 std::string(200, 'x') + "..."},
             Row{R"({"errors":[{"message":7}]})", "status 404"},
             Row{R"({"errors":[]})", "status 404"},
             Row{R"({"errors":{}})", "status 404"},
             Row{R"({"errors":[7]})", "status 404"},
             Row{"[]", "status 404"},
             Row{"<html>", "status 404"},
             Row{"", "status 404"},
         }) {
        CAPTURE(row.body);
        CHECK(describe_failure(response(404, row.body)) == row.text);
    }
}

TEST_CASE("a refusal becomes an error with advice") {
    const std::string body = R"({"errors":[{"message":"m"}]})";
    struct Row {
        int status;
        ErrorKind kind;
        const char* text;
        const char* hint;
    };
    for (const auto& row : {
             Row{401,
                 ErrorKind::permission_denied,
                 "access denied to image 'a:1': m",
                 "it does not exist or needs credentials: nau login quay.io"},
             Row{403,
                 ErrorKind::permission_denied,
                 "access denied to image 'a:1': m",
                 "it does not exist or needs credentials: nau login quay.io"},
             Row{404, ErrorKind::not_found, "image 'a:1' is unknown to quay.io: m", ""},
             Row{429,
                 ErrorKind::unavailable,
                 "image 'a:1': quay.io limits the number of requests: m",
                 "try later, or log in for a higher limit: nau login quay.io"},
             Row{502, ErrorKind::unavailable, "image 'a:1': quay.io answers: m", ""},
         }) {
        CAPTURE(row.status);
        const auto error = failure_error(response(row.status, body), "image 'a:1'", "quay.io");
        CHECK(error.kind() == row.kind);
        CHECK(error.text() == row.text);
        CHECK(error.hint() == row.hint);
    }
}
