#include "oci/registry/registry_error.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxMessage = 200;

/// The text comes from a stranger and ends on a terminal.
std::string make_printable(std::string text) {
    std::replace_if(
        text.begin(),
        text.end(),
        [](unsigned char c) { return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0); },
        ' ');
    if (text.size() > kMaxMessage) {
        text.resize(kMaxMessage);
        text += "...";
    }
    return text;
}

std::string member_or_empty(const json::Value& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string message_of(const HttpResponse& response) {
    json::Value document;
    try {
        document = json::parse(response.body, "error");
    } catch (const Error&) {
        return "";  // a proxy's error page
    }
    const auto errors = document.is_object() ? document.find("errors") : document.end();
    if (errors == document.end() || !errors->is_array() || errors->empty() ||
        !errors->front().is_object()) {
        return "";
    }
    std::string message = member_or_empty(errors->front(), "message");
    if (message.empty()) {
        message = member_or_empty(errors->front(), "code");
    }
    return make_printable(std::move(message));
}

}  // namespace

std::string describe_failure(const HttpResponse& response) {
    std::string message = response.body.empty() ? "" : message_of(response);
    return message.empty() ? fmt::format("status {}", response.status) : message;
}

Error failure_error(const HttpResponse& response,
                    std::string_view object,
                    std::string_view registry) {
    const std::string reason = describe_failure(response);
    switch (response.status) {
        case 401:
        case 403:
            return Error(ErrorKind::permission_denied, "access denied to {}: {}", object, reason)
                .with_hint(
                    fmt::format("it does not exist or needs credentials: nau login {}", registry));
        case 404:
            return Error(ErrorKind::not_found, "{} is unknown to {}: {}", object, registry, reason);
        case 429:
            return Error(ErrorKind::unavailable,
                         "{}: {} limits the number of requests: {}",
                         object,
                         registry,
                         reason)
                .with_hint(
                    fmt::format("try later, or log in for a higher limit: nau login {}", registry));
        default:
            return Error(ErrorKind::unavailable, "{}: {} answers: {}", object, registry, reason);
    }
}

}  // namespace nau::oci
