#include "cli/suggest.h"

#include <algorithm>
#include <vector>

namespace nau::cli {

namespace {

/// Longer than any flag; keeps a hostile argument from costing time.
constexpr size_t kLongestWord = 64;

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
    const size_t width = b.size() + 1;
    // Three rows of the table: the one before last is needed for swaps.
    std::vector<size_t> before(width);
    std::vector<size_t> last(width);
    std::vector<size_t> row(width);
    for (size_t j = 0; j < width; ++j) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j < width; ++j) {
            const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

std::string_view nearest_word(std::string_view typed, std::span<const std::string_view> known) {
    if (typed.size() < 2 || typed.size() > kLongestWord) {
        return {};
    }
    std::string_view best;
    size_t best_distance = std::max<size_t>(1, std::min<size_t>(3, typed.size() / 3)) + 1;
    for (const std::string_view word : known) {
        const size_t distance = edit_distance(typed, word);
        if (distance < best_distance) {
            best = word;
            best_distance = distance;
        }
    }
    if (!best.empty()) {
        return best;
    }
    for (const std::string_view word : known) {
        if (typed.size() >= 3 && word.starts_with(typed)) {
            return word;
        }
    }
    return {};
}

}  // namespace nau::cli
