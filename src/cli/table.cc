#include "cli/table.h"

#include <algorithm>

#include "cli/text.h"

namespace nau::cli {

namespace {

constexpr size_t kSmallestColumn = 12;
constexpr size_t kGap = 2;

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
    for (std::string& cell : cells) {
        cell = escape_control(cell);
    }
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()), kSmallestColumn - kGap);
        for (size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], display_width(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) {
                out.append(widths[i] + kGap - display_width(row[i]), ' ');
            }
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    return out;
}

}  // namespace nau::cli
