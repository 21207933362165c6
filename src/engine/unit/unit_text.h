#pragma once

// The syntax of systemd's unit files (systemd.syntax(7)): sections of Key=value lines, comments,
// lines that go on after a backslash, and words with quotes and escapes. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace nau::engine::unit {

struct Entry {
    std::string key;
    std::string value;
    std::string file;  ///< a drop-in's, or the unit's own
    int line = 0;      ///< where it begins
};

struct Section {
    std::string name;
    std::vector<Entry> entries;
};

/// Sections in the order in which they first appear; those of the same name are one.
struct UnitText {
    std::vector<Section> sections;

    const Section* find(std::string_view section) const noexcept;
    Section& ensure(std::string_view section);
    /// The last value of a key; nullptr when it has none.
    const Entry* find(std::string_view section, std::string_view key) const noexcept;
};

/// Adds to `unit` what the text says: a drop-in comes after the unit itself. `file` is for errors.
/// @throws Error{invalid} "FILE:LINE: …"
void parse_unit(std::string_view text, std::string_view file, UnitText& unit);

/// As ExecStart= and Environment= take them apart. @throws Error{invalid} for a quote that does not
/// end
std::vector<std::string> split_words(std::string_view text);

/// So that systemd reads this one word back. Specifiers (%) and variables ($) stay what they are.
std::string quote_word(std::string_view word);

/// The words as a command line.
std::string join_words(const std::vector<std::string>& words);

std::string to_text(const UnitText& unit);

}  // namespace nau::engine::unit
