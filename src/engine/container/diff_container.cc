#include "engine/container/diff_container.h"

#include "base/error.h"
#include "engine/container/container_root.h"
#include "engine/container/snapshot_view.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

std::vector<storage::Change> changes_of(const SnapshotView& view,
                                        std::set<std::string, std::less<>> mount_points) {
    return storage::list_changes(view.own.get(),
                                 view.below ? std::optional(view.below.get()) : std::nullopt,
                                 {.form = view.form, .mount_points = std::move(mount_points)});
}

std::vector<storage::Change> diff_container(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_reading();
    const auto record = get_container(store, find_container(engine, name_or_id));
    if (const auto directory = rootfs_directory_of(record);
        !directory.empty() && parse_container_config(record.config).rootfs_overlay.empty()) {
        throw Error(ErrorKind::invalid,
                    "container {} writes to the directory '{}', and there is nothing to compare it "
                    "with",
                    record.name,
                    directory)
            .with_hint("with --rootfs DIR:O what is written is kept apart");
    }
    const auto mount = root_of_container(store, record);
    return changes_of(open_own_layer(mount), mount_points_of(record));
}

std::vector<storage::Change> diff_image(Engine& engine, const std::string& name_or_id) {
    const ResolvedImage image = get_image(engine, name_or_id);
    if (!image.chain_id) {
        return {};
    }
    ensure_unpacked(engine, image);
    return changes_of(open_top_layer(engine.store_for_reading().snapshots(), *image.chain_id), {});
}

}  // namespace

std::vector<storage::Change> diff_object(Engine& engine,
                                         const std::string& name_or_id,
                                         DiffKind kind) {
    if (kind != DiffKind::image) {
        try {
            return diff_container(engine, name_or_id);
        } catch (const Error& error) {
            if (kind == DiffKind::container || error.kind() != ErrorKind::not_found) {
                throw;
            }
        }
    }
    if (kind == DiffKind::any && !find_image(engine, name_or_id)) {
        throw Error(
            ErrorKind::not_found, "no container and no image with name or id '{}'", name_or_id);
    }
    return diff_image(engine, name_or_id);
}

}  // namespace nau::engine
