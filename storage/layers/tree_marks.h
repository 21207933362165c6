#pragma once

// What overlayfs notes in the attributes of an upper or lower directory, for whoever reads one
// without overlayfs. Internal to storage/layers.

#include <string>

#include "storage/layers/layer_form.h"

namespace nau::storage {

class TreeMarks {
  public:
    /// merged: there are none.
    explicit TreeMarks(LayerForm form);

    /// Hides what the layers below have in the directory.
    bool is_opaque(int directory) const;
    /// @throws Error{unsupported} when what is in the directory is partly elsewhere
    void refuse_redirected(int directory, const std::string& path) const;
    /// @throws Error{unsupported} when the file's content is in a layer below
    void refuse_without_content(int file, const std::string& path) const;

  private:
    std::string prefix_;  ///< "trusted.overlay."; empty: no marks
};

}  // namespace nau::storage
