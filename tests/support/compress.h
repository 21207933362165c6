#pragma once

// Compressed bytes for tests, by the libraries themselves.

#include <string>
#include <string_view>

namespace nau::test {

/// One gzip member.
std::string gzip(std::string_view bytes, int level = 6);
/// One zstd frame with a checksum. `window_log` 0: by level.
std::string zstd(std::string_view bytes, int level = 3, int window_log = 0);
std::string zstd_skippable_frame(std::string_view bytes);

}  // namespace nau::test
