#pragma once

// Text for terminals, without locale: how wide it is shown, and how bytes that a terminal would
// obey are made visible. Names and messages may come from images and registries; none of them may
// move the cursor or set the title of the user's window.

#include <string>
#include <string_view>
#include <vector>

namespace nau::cli {

/// Columns that a terminal uses: East Asian wide characters take two, combining marks none, bytes
/// that are not UTF-8 one each (they are shown as U+FFFD).
size_t display_width(std::string_view text) noexcept;

/// Control characters (C0, DEL, C1) as "\n", "\t", "\x1b"; invalid UTF-8 as U+FFFD; the rest as it
/// is.
std::string escape_control(std::string_view text);

/// Without the last characters if it is longer than `columns`; "…" marks the cut.
std::string truncate_to_width(std::string_view text, size_t columns);

/// Lines of at most `columns`, broken at blanks; a longer word stands alone.
std::vector<std::string_view> wrap(std::string_view text, size_t columns);

}  // namespace nau::cli
