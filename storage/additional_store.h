#pragma once

// A store of another nau whose images, layers and blobs may be used here and are never changed
// (containers/storage's "additionalimagestores"): a machine's store below the ones of its users, or
// one on a medium that is only read. Images of the same namespace are seen.
//
// It is opened when something is not found in the own store. One that is not there, or damaged, is
// one without images: a warning says so, once, and whoever needs it finds nothing in it. Its owner
// must not remove what is in use here: nobody tells him.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "storage/db/database.h"
#include "storage/paths.h"
#include "storage/records/images.h"
#include "storage/snapshots/snapshotter.h"

namespace nau::storage {

class AdditionalStore {
  public:
    /// `run_root` is the own one, for what reading needs. Nothing is opened yet.
    AdditionalStore(const std::filesystem::path& graph_root,
                    const std::filesystem::path& run_root,
                    std::string boot_id);
    AdditionalStore(const AdditionalStore&) = delete;
    AdditionalStore& operator=(const AdditionalStore&) = delete;
    AdditionalStore(AdditionalStore&&) = delete;
    AdditionalStore& operator=(AdditionalStore&&) = delete;
    ~AdditionalStore();

    const std::filesystem::path& graph_root() const noexcept { return paths_.graph_root(); }

    std::optional<Image> find_image(std::string_view name_space, std::string_view name);
    /// As Images::find_by_id().
    std::vector<Image> find_images_by_id(std::string_view name_space, std::string_view prefix);
    std::vector<Image> list_images(std::string_view name_space);
    std::vector<Snapshot> list_layers();
    /// The directories of a committed stack, top first, if all of it is there and durable; each may
    /// be a lower directory of overlayfs.
    std::optional<std::vector<std::filesystem::path>> lower_dirs(const oci::ChainId& chain_id);
    /// Whether each layer's directory is a complete tree.
    bool has_whole_trees() const;

  private:
    struct Parts;
    /// nullptr: there is nothing to be read.
    Parts* open();

    Paths paths_;
    std::string boot_id_;
    std::unique_ptr<Parts> parts_;
    bool is_tried_ = false;
};

/// The database of a store that is only looked at, without making or repairing anything; also of
/// one that cannot be written.
Database open_for_looking(const Paths& paths);

}  // namespace nau::storage
