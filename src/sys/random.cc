#include "sys/random.h"

#include <cerrno>
#include <sys/random.h>
#include <vector>

#include "base/error.h"
#include "base/parse.h"

namespace nau::sys {

void fill_random(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw SysError(errno, "getrandom");
        }
        bytes = bytes.subspan(static_cast<size_t>(count));
    }
}

std::string random_hex(size_t bytes) {
    std::string raw(bytes, '\0');
    fill_random(std::as_writable_bytes(std::span(raw)));
    return to_hex(raw);
}

}  // namespace nau::sys
