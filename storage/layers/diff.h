#pragma once

// The way back of apply.h: a directory becomes the tar of a layer (or of a root file system). In an
// overlay form whiteouts and opaque marks of the directory become those of the layer; what belongs
// to the engine and not to the image (attributes of overlayfs and of the host, sockets, empty mount
// points) stays out.
//
// The members stand in the order of their names, each directory before what is in it, and nothing
// but the tree decides about a byte: equal trees give equal digests.
//
// Names in the tree are hostile and it may change meanwhile: every step is one name relative to a
// descriptor, no link is followed, no device or FIFO is opened.

#include <cstdint>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "oci/layer/tar_writer.h"
#include "storage/layers/layer_form.h"

namespace nau::storage {

struct WriteTreeOptions {
    /// merged: a whole tree, in which nothing is hidden.
    LayerForm form = LayerForm::overlay_trusted;
    /// With the form merged: the directory of which the tree is a copy that was changed; what is
    /// equal in both stays out, and what is missing becomes a whiteout. Borrowed.
    std::optional<int> origin = {};
    /// A member "./" with the metadata of the directory itself comes first.
    bool has_root = false;
    /// Names that begin with ".wh." mean something else in a layer: they stay out, with a warning.
    bool is_layer = true;
    /// Paths without slash at the beginning ("etc/hosts") that stay out while they are an empty
    /// file or an empty directory: what was made for something to be mounted on.
    std::set<std::string, std::less<>> mount_points = {};
    /// Looked at between two members and two pieces of content; then Error{interrupted}.
    std::stop_token stop = {};
};

struct WrittenTree {
    uint64_t members = 0;
    uint64_t content_bytes = 0;
};

/// @param directory readable; borrowed
/// @throws Error{unsupported} for a tree that refers to others (renamed by overlayfs with
/// redirect_dir) or is nested too deeply, SysError, what the writer throws
WrittenTree write_tree(int directory, oci::TarWriter& out, const WriteTreeOptions& options);

}  // namespace nau::storage
