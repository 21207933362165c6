#include "base/fail_point.h"

#ifdef NAU_FAIL_POINTS

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/error.h"

namespace nau {

namespace {

struct Order {
    std::string name;
    std::string action;
    int passage = 0;  // 0: every time
};

Order parse_order(std::string_view text) {
    const auto equals = text.find('=');
    Order order{.name = std::string(text.substr(0, equals)),
                .action = std::string(equals == text.npos ? "" : text.substr(equals + 1))};
    if (const auto at = order.name.find('@'); at != std::string::npos) {
        order.passage = std::atoi(order.name.c_str() + at + 1);  // NOLINT(cert-err34-c): tests only
        order.name.resize(at);
    }
    return order;
}

int errno_of_name(std::string_view name) {
    struct Entry {
        std::string_view name;
        int error;
    };
    constexpr std::array kEntries = {Entry{"ENOSPC", ENOSPC},
                                     Entry{"EIO", EIO},
                                     Entry{"EOPNOTSUPP", EOPNOTSUPP},
                                     Entry{"EDQUOT", EDQUOT},
                                     Entry{"EROFS", EROFS},
                                     Entry{"ENOMEM", ENOMEM},
                                     Entry{"EMFILE", EMFILE}};
    for (const auto& entry : kEntries) {
        if (entry.name == name) {
            return entry.error;
        }
    }
    return EIO;
}

void log_passage(const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nau never changes its environment
    const char* path = std::getenv("NAU_FAIL_POINT_LOG");
    if (path == nullptr) {
        return;
    }
    const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        const std::string line = std::string(name) + "\n";
        (void)!::write(fd, line.data(), line.size());  // a test's aid
        (void)::close(fd);
    }
}

}  // namespace

void fail_point(const char* name) {
    log_passage(name);
    static const char* const text = std::getenv("NAU_FAIL_POINT");  // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr) {
        return;
    }
    static const Order order = parse_order(text);
    static std::atomic<int> passages{0};
    if (order.name != name || (order.passage != 0 && ++passages != order.passage)) {
        return;
    }
    if (order.action == "kill") {
        (void)::kill(::getpid(), SIGKILL);
        return;
    }
    if (order.action == "stop") {
        (void)::kill(::getpid(), SIGSTOP);
        return;
    }
    constexpr std::string_view kError = "error:";
    if (order.action.starts_with(kError)) {
        throw SysError(errno_of_name(std::string_view(order.action).substr(kError.size())),
                       "fail point {}",
                       name);
    }
}

}  // namespace nau

#endif
