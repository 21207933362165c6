#include "engine/unit/unit_text.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine::unit {

namespace {

constexpr std::string_view kBlanks = " \t\n\r";

std::string_view strip(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_comment(std::string_view line) noexcept {
    return line.empty() || line.front() == '#' || line.front() == ';';
}

[[noreturn]] void fail(std::string_view file, int line, std::string_view what) {
    throw Error(ErrorKind::invalid, "{}:{}: {}", file, line, what);
}

/// The lines of one assignment, joined; `i` is left at the last of them.
std::string join_continued(const std::vector<std::string_view>& lines, size_t& i) {
    std::string text(lines[i]);
    while (text.ends_with('\\')) {
        text.back() = ' ';
        do {
            ++i;
        } while (i < lines.size() && !strip(lines[i]).empty() && is_comment(strip(lines[i])));
        if (i >= lines.size()) {
            break;
        }
        text += lines[i];
    }
    return text;
}

struct Escape {
    char letter;
    char meaning;
};
constexpr Escape kEscapes[] = {{'a', '\a'},
                               {'b', '\b'},
                               {'f', '\f'},
                               {'n', '\n'},
                               {'r', '\r'},
                               {'t', '\t'},
                               {'v', '\v'},
                               {'\\', '\\'},
                               {'"', '"'},
                               {'\'', '\''},
                               {'s', ' '}};

/// One escape sequence; `i` is at the backslash and is left at its last character. What is no
/// sequence stays as it is.
void unescape(std::string_view text, size_t& i, std::string& word) {
    const char letter = i + 1 < text.size() ? text[i + 1] : '\0';
    const auto* const found = std::ranges::find(kEscapes, letter, &Escape::letter);
    if (found != std::end(kEscapes)) {
        word += found->meaning;
        ++i;
        return;
    }
    if (letter == 'x' && i + 3 < text.size()) {
        const auto digit = [](char c) {
            return std::string_view("0123456789abcdef")
                .find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
        };
        const size_t high = digit(text[i + 2]);
        const size_t low = digit(text[i + 3]);
        if (high != std::string_view::npos && low != std::string_view::npos) {
            word += static_cast<char>(high * 16 + low);
            i += 3;
            return;
        }
    }
    word += '\\';
}

}  // namespace

const Section* UnitText::find(std::string_view section) const noexcept {
    const auto found = std::ranges::find(sections, section, &Section::name);
    return found == sections.end() ? nullptr : &*found;
}

Section& UnitText::ensure(std::string_view section) {
    const auto found = std::ranges::find(sections, section, &Section::name);
    if (found != sections.end()) {
        return *found;
    }
    return sections.emplace_back(Section{.name = std::string(section), .entries = {}});
}

const Entry* UnitText::find(std::string_view section, std::string_view key) const noexcept {
    const Section* const found = find(section);
    const Entry* last = nullptr;
    if (found != nullptr) {
        for (const Entry& entry : found->entries) {
            last = entry.key == key ? &entry : last;
        }
    }
    return last;
}

void parse_unit(std::string_view text, std::string_view file, UnitText& unit) {
    if (text.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, "{}: has a zero byte, so it is no unit file", file);
    }
    const std::vector<std::string_view> lines = split(text, '\n');
    std::optional<std::string> section;
    for (size_t i = 0; i < lines.size(); ++i) {
        const int number = static_cast<int>(i) + 1;
        if (is_comment(strip(lines[i]))) {
            continue;
        }
        const std::string whole = join_continued(lines, i);
        const std::string_view line = strip(whole);
        if (line.front() == '[') {
            if (line.size() < 3 || line.back() != ']') {
                fail(file, number, "a section is [Name]");
            }
            section = line.substr(1, line.size() - 2);
            (void)unit.ensure(*section);
            continue;
        }
        const auto pair = split_once(line, '=');
        if (!pair || strip(pair->first).empty()) {
            fail(file, number, fmt::format("'{}' is neither Key=value nor [Section]", line));
        }
        if (!section) {
            fail(file, number, "stands before the first [Section]");
        }
        unit.ensure(*section).entries.push_back({.key = std::string(strip(pair->first)),
                                                 .value = std::string(strip(pair->second)),
                                                 .file = std::string(file),
                                                 .line = number});
    }
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = '\0';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && kBlanks.find(c) != std::string_view::npos) {
            if (word) {
                words.push_back(*std::move(word));
                word.reset();
            }
            continue;
        }
        if (!word) {
            word.emplace();
        }
        if (c == '\\') {
            unescape(text, i, *word);
        } else if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else {
            *word += c;
        }
    }
    if (quote != '\0') {
        throw Error(ErrorKind::invalid, "{}: the quote does not end", text);
    }
    if (word) {
        words.push_back(*std::move(word));
    }
    return words;
}

std::string quote_word(std::string_view word) {
    constexpr std::string_view kPlain = "-_./:=,@%+$^~*[]{}()!?#&|<>";
    const bool is_plain = !word.empty() && std::ranges::all_of(word, [&](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               static_cast<unsigned char>(c) >= 0x80 || kPlain.find(c) != std::string_view::npos;
    });
    if (is_plain) {
        return std::string(word);
    }
    std::string text = "\"";
    for (const char c : word) {
        const auto* const found = std::ranges::find(kEscapes, c, &Escape::meaning);
        if (c == ' ' || c == '\'') {
            text += c;
        } else if (found != std::end(kEscapes)) {
            text += '\\';
            text += found->letter;
        } else if (std::iscntrl(static_cast<unsigned char>(c)) != 0) {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            text += c;
        }
    }
    return text + '"';
}

std::string join_words(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += (text.empty() ? "" : " ") + quote_word(word);
    }
    return text;
}

std::string to_text(const UnitText& unit) {
    std::string text;
    for (const Section& section : unit.sections) {
        text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section.name);
        for (const Entry& entry : section.entries) {
            text += fmt::format("{}={}\n", entry.key, entry.value);
        }
    }
    return text;
}

}  // namespace nau::engine::unit
