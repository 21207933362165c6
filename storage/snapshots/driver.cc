#include "storage/snapshots/driver.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::storage {

std::string_view to_string(Driver driver) noexcept {
    return driver == Driver::vfs ? "vfs" : "overlay";
}

std::optional<Driver> parse_driver(std::string_view text) noexcept {
    for (const Driver driver : {Driver::overlay, Driver::vfs}) {
        if (text == to_string(driver)) {
            return driver;
        }
    }
    return std::nullopt;
}

Driver read_driver(const Paths& paths) {
    constexpr size_t kMostBytes = 64;
    const auto text = sys::read_file_if_exists(paths.driver(), kMostBytes);
    if (!text) {
        return Driver::overlay;
    }
    const auto driver = parse_driver(trim(*text));
    if (!driver) {
        throw Error(ErrorKind::unsupported,
                    "{}: '{}' is no way of keeping layers that this nau knows",
                    paths.driver().string(),
                    trim(*text));
    }
    return *driver;
}

void write_driver(const Paths& paths, Driver driver) {
    sys::write_file_atomic(
        paths.driver(), fmt::format("{}\n", to_string(driver)), 0600, sys::Durability::durable);
}

}  // namespace nau::storage
