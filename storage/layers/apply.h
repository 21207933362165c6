#pragma once

// Unpacks one layer blob into a directory of its own, in the form that overlayfs takes as a lower
// (or upper) layer: whiteouts become character devices 0:0, opaque directories carry an extended
// attribute, and what the layer does not mention is not there. (LayerForm::merged: into a copy of
// the layers below instead, from which whiteouts remove.)
//
//   source ─▶ inflate ─▶ pooled chunks ─┬─▶ diffID hash (calling thread)
//            (thread)                   └─▶ tar parser, names, directories ─▶ 1…n writers of files
//                                           (thread)                         (threads)
//
// The source may still be growing: the pipeline runs at the pace of the slowest of download,
// inflate, hash and files. All threads have ended when apply_layer() returns or throws.
//
// The result is what unpacking all layers on top of each other would give, layer by layer:
//   - a path is resolved in the merged tree, in root: through a link that this or a lower layer
//     brought, never out of the tree;
//   - a parent directory that the layer does not mention gets what the lower layers say of it
//     (mode, owner, times, attributes), or 0755 0:0 if none knows it;
//   - a hard link to a file of a lower layer copies that file up first.
// These few cases, and only they, need the lower layers, so that several layers of an image can be
// unpacked at the same time.
//
// Nothing is synced: the caller decides when the file system is (syncfs), and keeps a mark until
// then. On failure the target holds a part of the layer; the caller removes it as a whole.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "oci/digest.h"
#include "oci/layer/byte_source.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "oci/media_type.h"
#include "storage/layers/layer_form.h"

namespace nau::storage {

enum class Ownership : uint8_t {
    as_in_layer,  ///< chown to the ids in the tar, as the caller's user namespace shows them
    of_caller,    ///< everything belongs to the caller: there is one id only
};

struct ApplyLimits {
    oci::DecompressLimits decompress;
    oci::TarLimits tar;
    /// Members of the layer, whiteouts included: with the parser's own limit, what bounds the
    /// memory for names.
    uint64_t max_entries = 2'000'000;
    uint64_t max_directories = 500'000;
};

struct ApplyOptions {
    /// The directories (`fs`) of the layers below, top first, as borrowed descriptors. Empty
    /// function: this is the lowest layer, or the form is merged. Called at most once, from a
    /// thread of the pipeline, and only when the layer needs it; it may block until the lower
    /// layers are complete, and throw when one of them fails. Start the lower layers first, or it
    /// waits for ever.
    std::function<std::vector<int>()> lower_dirs;
    LayerForm form = LayerForm::overlay_trusted;
    Ownership ownership = Ownership::as_in_layer;
    /// Device nodes that the kernel refuses to a user namespace are left out with a warning instead
    /// of failing the layer.
    bool skip_devices = false;
    /// Threads that write files; 0: as many as the layer turns out to need, up to four.
    unsigned max_writers = 0;
    /// Asked for between chunks; then Error{interrupted}.
    std::stop_token stop;
    /// Called at most once, from any thread, when unpacking has failed or was stopped while the
    /// source may be blocked in a read: must make that read return or throw. Must not throw itself.
    std::function<void()> abort_source;
    ApplyLimits limits;
};

struct ApplyResult {
    oci::DiffId diff_id;            ///< of all uncompressed bytes; the caller compares it
    oci::Compression compression;   ///< what the blob turned out to be
    uint64_t compressed_bytes = 0;  ///< all that the source gave
    uint64_t unpacked_bytes = 0;    ///< length of the tar
    uint64_t entries = 0;           ///< members of the tar
    uint64_t inodes = 0;            ///< made in the target, the target itself included
    uint64_t file_bytes = 0;        ///< content written, holes not counted
};

/// @param target_dir a directory (O_PATH will do) that nobody else changes meanwhile, empty unless
/// the form is merged; its own mode, owner and times are set from the layer's entry for "/", else
/// from the lower layers
/// @param declared what the layer's media type says of the compression
/// @throws Error{corrupt} for a damaged, hostile or oversized layer; Error{interrupted};
/// SysError (ENOSPC …); what the source or `lower_dirs` throws
ApplyResult apply_layer(oci::ByteSource source,
                        oci::Compression declared,
                        int target_dir,
                        const ApplyOptions& options);

}  // namespace nau::storage
