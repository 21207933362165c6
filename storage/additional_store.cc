#include "storage/additional_store.h"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "storage/db/database.h"
#include "storage/snapshots/driver.h"
#include "storage/snapshots/rows.h"
#include "sys/file.h"

namespace nau::storage {

struct AdditionalStore::Parts {
    explicit Parts(Database opened) : db(std::move(opened)), images(db), rows(db) {}

    Database db;
    Images images;
    SnapshotRows rows;
};

AdditionalStore::AdditionalStore(const std::filesystem::path& graph_root,
                                 const std::filesystem::path& run_root,
                                 std::string boot_id)
    : paths_(graph_root, run_root), boot_id_(std::move(boot_id)) {}

AdditionalStore::~AdditionalStore() = default;

AdditionalStore::Parts* AdditionalStore::open() {
    if (is_tried_) {
        return parts_.get();
    }
    is_tried_ = true;
    try {
        if (!sys::lstat_if_exists(paths_.database())) {
            throw Error(ErrorKind::not_found, "there is no store of nau");
        }
        parts_ = std::make_unique<Parts>(open_for_looking(paths_));
    } catch (const Error& error) {
        NAU_LOG_WARN("additional image store {}: {}, going on without it",
                     paths_.graph_root().string(),
                     error.text());
    }
    return parts_.get();
}

std::optional<Image> AdditionalStore::find_image(std::string_view name_space,
                                                 std::string_view name) {
    Parts* parts = open();
    return parts == nullptr ? std::nullopt : parts->images.find(name_space, name);
}

std::vector<Image> AdditionalStore::find_images_by_id(std::string_view name_space,
                                                      std::string_view prefix) {
    Parts* parts = open();
    return parts == nullptr ? std::vector<Image>() : parts->images.find_by_id(name_space, prefix);
}

std::vector<Image> AdditionalStore::list_images(std::string_view name_space) {
    Parts* parts = open();
    return parts == nullptr ? std::vector<Image>() : parts->images.list(name_space);
}

std::vector<Snapshot> AdditionalStore::list_layers() {
    Parts* parts = open();
    return parts == nullptr ? std::vector<Snapshot>() : parts->rows.list_committed();
}

bool AdditionalStore::has_whole_trees() const {
    return read_driver(paths_) == Driver::vfs;
}

std::optional<std::vector<std::filesystem::path>> AdditionalStore::lower_dirs(
    const oci::ChainId& chain_id) {
    Parts* parts = open();
    if (parts == nullptr) {
        return std::nullopt;
    }
    const SnapshotChain chain = parts->rows.chain(SnapshotKey(chain_id));
    // What its own nau has not looked at since a power cut may be half there.
    const bool is_durable = std::all_of(chain.own.begin(), chain.own.end(), [&](const auto& each) {
        return each.unsynced_boot.empty() || each.unsynced_boot == boot_id_;
    });
    if (chain.own.empty() || chain.rest || !is_durable) {
        return std::nullopt;
    }
    std::vector<std::filesystem::path> directories;
    for (const auto& snapshot : chain.own) {
        directories.push_back(paths_.snapshot_fs(snapshot.number));
    }
    if (has_whole_trees()) {
        directories.resize(1);
    }
    return directories;
}

}  // namespace nau::storage
