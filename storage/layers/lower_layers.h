#pragma once

// The layers below the one being unpacked, merged for reading as overlayfs merges them: the upper
// ones hide the lower ones, whiteouts and opaque directories hide everything below them. Their
// directories were made by apply_layer(), but names and links in them are the image's: every step
// is one name relative to a descriptor, and no link is followed.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::storage {

class LowerLayers {
  public:
    /// What the merged tree has under a name; the directory it lies in is open.
    struct Node {
        int parent = -1;  ///< borrowed: valid until the next call
        std::string name;
        struct ::stat status = {};
    };

    /// `open` gives the directories, top first, and is called when they are needed for the first
    /// time. `opaque_xattr` is the mark of opaque directories.
    LowerLayers(std::function<std::vector<int>()> open, std::string opaque_xattr);

    /// Whether there are any at all; does not ask for them.
    bool exist() const noexcept { return static_cast<bool>(open_); }

    /// `directory` is the path of a directory, without links in it. nullopt: nothing there.
    std::optional<Node> find(const std::string& directory, std::string_view name);
    /// All names in the root that are not whited out.
    std::vector<std::string> root_names();
    /// The directory of the uppermost of them; borrowed.
    int top();

  private:
    const std::vector<int>& roots();
    /// The directories that together are the merged directory, top first.
    const std::vector<sys::UniqueFd>& enter(const std::string& directory);
    std::vector<sys::UniqueFd> enter_name(const std::vector<sys::UniqueFd>& parents,
                                          const std::string& name);
    bool is_opaque(int fd) const;

    std::function<std::vector<int>()> open_;
    std::string opaque_xattr_;
    std::optional<std::vector<int>> roots_;
    std::optional<std::string> entered_path_;
    std::vector<sys::UniqueFd> entered_;
};

/// Character device 0:0.
bool is_whiteout(const struct ::stat& status) noexcept;

}  // namespace nau::storage
