// One HTTP request on a socket of the service manager's: no server, and nothing that lives on.

#include <cerrno>
#include <poll.h>
#include <string>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/metrics/metrics.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/unique_fd.h"

namespace nau::engine {

namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxRequest = 8192;
constexpr std::chrono::seconds kPatience{10};

bool is_listening(int socket) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0) {
        throw SysError(errno, "descriptor {} is no socket", socket);
    }
    return value != 0;
}

/// Up to the empty line; what follows does not belong to a GET.
std::string read_request(int connection) {
    const auto deadline = steady_clock::now() + kPatience;
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos && text.size() < kMaxRequest) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0 || sys::poll(connection, POLLIN, left) == 0) {
            throw Error(ErrorKind::timed_out, "the client sends no request");
        }
        char buffer[2048];
        const ssize_t count =
            sys::retry([&] { return ::recv(connection, buffer, sizeof buffer, 0); });
        if (count < 0) {
            throw SysError(errno, "recv");
        }
        if (count == 0) {
            break;
        }
        text.append(buffer, static_cast<size_t>(count));
    }
    return text;
}

std::string reply(std::string_view status,
                  std::string_view type,
                  std::string_view body,
                  bool has_body) {
    return fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        status,
        type,
        body.size(),
        has_body ? body : std::string_view());
}

std::string answer(Engine& engine, std::string_view request) {
    constexpr const char* kPlain = "text/plain; charset=utf-8";
    const auto words = split(request.substr(0, request.find("\r\n")), ' ');
    if (words.size() != 3 || !words[2].starts_with("HTTP/1.")) {
        return reply("400 Bad Request", kPlain, "no HTTP request\n", true);
    }
    const bool is_get = words[0] == "GET";
    if (!is_get && words[0] != "HEAD") {
        return reply("405 Method Not Allowed", kPlain, "GET only\n", true);
    }
    const auto path = words[1].substr(0, words[1].find('?'));
    if (path != "/metrics" && path != "/") {
        return reply("404 Not Found", kPlain, "/metrics is what there is\n", is_get);
    }
    return reply(
        "200 OK", "text/plain; version=0.0.4; charset=utf-8", metrics_text(engine), is_get);
}

}  // namespace

void answer_http_request(Engine& engine, int socket) {
    sys::UniqueFd accepted;
    if (is_listening(socket)) {
        auto connection = sys::accept(socket);
        if (!connection) {
            return;  // it has gone again
        }
        accepted = *std::move(connection);
        socket = accepted.get();
    }
    const std::string text = answer(engine, read_request(socket));
    sys::send_message(socket, text);
    (void)::shutdown(socket, SHUT_WR);  // the client may have closed already
}

}  // namespace nau::engine
