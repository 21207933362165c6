#pragma once

// What a layer's directory changes in the tree below it, as a list for people (`nau diff`).

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/layers/layer_form.h"

namespace nau::storage {

enum class ChangeKind : uint8_t { changed, added, deleted };

struct Change {
    ChangeKind kind = ChangeKind::changed;
    std::string path;  ///< "/etc/hosts"; raw bytes
    bool operator==(const Change&) const = default;
};

struct ListChangesOptions {
    LayerForm form = LayerForm::overlay_trusted;
    /// As WriteTreeOptions::mount_points.
    std::set<std::string, std::less<>> mount_points = {};
    // With the form `merged` and a lower tree, the upper one is a copy of it that was changed: what
    // is equal in both is no change.
};

/// In the order of the names, each directory before what is in it. A directory in which something
/// changed is changed itself.
/// @param upper readable; borrowed
/// @param lower the merged tree below it, readable; nullopt: there is none
std::vector<Change> list_changes(int upper,
                                 std::optional<int> lower,
                                 const ListChangesOptions& options);

}  // namespace nau::storage
