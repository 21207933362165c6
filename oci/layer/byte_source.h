#pragma once

// Bytes that arrive in order and once: a file in the content store, a download in progress, a
// buffer in a test. Whoever needs bytes pulls them, so that a slow consumer slows the source down
// and nothing piles up in between.

#include <cstddef>
#include <functional>
#include <span>

namespace nau::oci {

/// Fills the beginning of `buffer` (which is never empty) and returns the number of bytes, 0 at the
/// end and only there. May block, may throw. It is called from one thread at a time, though not
/// always from the thread that handed it over.
using ByteSource = std::function<size_t(std::span<std::byte> buffer)>;

}  // namespace nau::oci
