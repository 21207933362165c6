#include "network/sysctl.h"

#include <fcntl.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::network {

namespace {

constexpr size_t kMaxValueBytes = 256;

std::string path_of(std::string_view name) {
    return fmt::format("/proc/sys/{}", name);
}

}  // namespace

std::string read_sysctl(std::string_view name) {
    const auto text = sys::read_file_if_exists(path_of(name), kMaxValueBytes);
    return text ? std::string(trim(*text)) : "";
}

void ensure_sysctl(std::string_view name, std::string_view value) {
    if (read_sysctl(name) == value) {
        return;
    }
    try {
        sys::write_existing(path_of(name), value);
    } catch (Error& error) {
        error.with_hint(
            fmt::format("set {} to {} on the host, or use --network=none or host", name, value));
        throw;
    }
}

void write_sysctl_if_exists(std::string_view name, std::string_view value) {
    if (const auto file = sys::open_if_exists(path_of(name), O_WRONLY)) {
        sys::write_all(file->get(), value);
    }
}

}  // namespace nau::network
