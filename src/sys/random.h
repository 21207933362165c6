#pragma once

// Random bytes from the kernel (getrandom): for identifiers, temporary names and jitter.

#include <cstddef>
#include <span>
#include <string>

namespace nau::sys {

/// @throws SysError
void fill_random(std::span<std::byte> bytes);

/// `bytes` random bytes as 2·`bytes` lower-case hexadecimal digits.
std::string random_hex(size_t bytes);

}  // namespace nau::sys
