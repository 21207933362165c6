#include "monitor/notify.h"

#include <algorithm>
#include <array>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/notify_socket.h"

namespace nau::monitor {

namespace {

constexpr std::array<std::string_view, 9> kAllowed = {"READY",
                                                      "RELOADING",
                                                      "MONOTONIC_USEC",
                                                      "STOPPING",
                                                      "STATUS",
                                                      "ERRNO",
                                                      "BUSERROR",
                                                      "WATCHDOG",
                                                      "EXTEND_TIMEOUT_USEC"};
/// In one round: a container that writes without end must not hold the loop.
constexpr int kMostAtOnce = 64;

constexpr std::array<std::string_view, 4> kModes = {"ignore", "container", "conmon", "healthy"};

}  // namespace

std::string_view to_string(NotifyMode mode) noexcept {
    return kModes[static_cast<size_t>(mode)];
}

NotifyMode parse_notify_mode(std::string_view word) {
    const auto found = std::ranges::find(kModes, word);
    if (found == kModes.end()) {
        throw Error(ErrorKind::invalid, "'{}' is none of container, conmon, healthy, ignore", word);
    }
    return static_cast<NotifyMode>(found - kModes.begin());
}

std::string allowed_notification(std::string_view message) {
    std::string text;
    for (const std::string_view line : split(message, '\n')) {
        const auto pair = split_once(line, '=');
        if (pair && std::ranges::find(kAllowed, pair->first) != kAllowed.end() &&
            line.find('\0') == std::string_view::npos) {
            text += line;
            text += '\n';
        }
    }
    return text;
}

NotifyProxy::NotifyProxy(sys::EventLoop& loop, const std::filesystem::path& path, int manager)
    : loop_(loop), socket_(sys::bind_notify_socket(path.string(), 0666)), manager_(manager) {
    loop_.add_fd(socket_.get(), EPOLLIN, [this](uint32_t) { pass_on(); });
}

NotifyProxy::~NotifyProxy() {
    loop_.remove_fd(socket_.get());
}

void NotifyProxy::pass_on() {
    for (int i = 0; i < kMostAtOnce; ++i) {
        const auto message = sys::receive_notification(socket_.get());
        if (!message) {
            return;
        }
        const std::string text = allowed_notification(*message);
        if (!text.empty() && !sys::send_notification(manager_, text)) {
            NAU_LOG_WARN("the service manager does not take notifications, ignoring");
        }
    }
}

}  // namespace nau::monitor
