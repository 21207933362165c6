#include "storage/container_id.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/parse.h"
#include "sys/random.h"

namespace nau::storage {

namespace {

bool is_lower_hex(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

ContainerId ContainerId::generate() {
    return ContainerId(sys::random_hex(kLength / 2));
}

std::optional<ContainerId> ContainerId::try_parse(std::string_view text) {
    if (text.size() != kLength || !std::all_of(text.begin(), text.end(), is_lower_hex)) {
        return std::nullopt;
    }
    return ContainerId(text);
}

ContainerId ContainerId::parse(std::string_view text) {
    auto id = try_parse(text);
    if (!id) {
        throw Error(ErrorKind::invalid,
                    "'{}' is not an id: {} lower-case hexadecimal digits are",
                    text,
                    kLength);
    }
    return *std::move(id);
}

}  // namespace nau::storage
