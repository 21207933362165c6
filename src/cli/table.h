#pragma once

// Columns as podman prints them: each as wide as its widest cell and two blanks, at least twelve in
// all; the last one is not filled up. Widths count what a terminal shows; control characters in
// cells are made visible, so that a row is always one line.

#include <string>
#include <string_view>
#include <vector>

namespace nau::cli {

class Table {
  public:
    void add_row(std::vector<std::string> cells);
    /// All rows, each with its line end.
    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace nau::cli
