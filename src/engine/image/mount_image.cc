#include "engine/image/mount_image.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/mount.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/system/record_event.h"
#include "runtime/rootfs.h"
#include "storage/store.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace nau::engine {

namespace {

constexpr std::string_view kLeasePrefix = "mounted-";
constexpr size_t kMinIdPrefix = 3;
/// The lease comes before the mount: one so young may belong to a command that is at it.
constexpr auto kMountPatience = std::chrono::minutes(10);

std::string lease_of(const Engine& engine, std::string_view image_hex) {
    return fmt::format("{}{}-{}", kLeasePrefix, engine.name_space(), image_hex);
}

std::string mount_path(Engine& engine, const std::string& image_hex) {
    return (engine.store_for_reading().paths().image_mounts(engine.name_space()) / image_hex)
        .string();
}

std::vector<std::string> mounted_ids(Engine& engine) {
    std::vector<std::string> ids;
    const auto directory = engine.store_for_reading().paths().image_mounts(engine.name_space());
    for (const auto& entry :
         sys::list_directory_if_exists(directory.string()).value_or(std::vector<sys::DirEntry>())) {
        if (sys::is_mount_point((directory / entry.name).string())) {
            ids.push_back(entry.name);
        }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

MountedRoot describe(Engine& engine, const std::string& image_hex) {
    MountedRoot mounted{.id = image_hex, .names = {}, .path = mount_path(engine, image_hex)};
    const auto digest = oci::Digest::try_parse("sha256:" + image_hex);
    if (digest) {
        for (const auto& record : find_image_names(engine, *digest)) {
            if (!is_nameless(record.name)) {
                mounted.names.push_back(record.name);
            }
        }
        std::sort(mounted.names.begin(), mounted.names.end());
    }
    return mounted;
}

/// By a name that exists, or among what is mounted, since names may have gone meanwhile.
std::string find_mounted(Engine& engine, const std::string& name_or_id) {
    if (const auto record = find_image_record(engine, name_or_id); record && record->image_id) {
        return std::string(record->image_id->hex());
    }
    std::string_view digits = name_or_id;
    if (digits.starts_with("sha256:")) {
        digits.remove_prefix(std::string_view("sha256:").size());
    }
    std::vector<std::string> matches = mounted_ids(engine);
    std::erase_if(matches, [&](const std::string& id) { return !id.starts_with(digits); });
    if (digits.size() < kMinIdPrefix || matches.size() != 1) {
        throw Error(ErrorKind::not_found, "no image '{}'", name_or_id)
            .with_hint("'nau image mount' lists what is mounted");
    }
    return matches.front();
}

void keep_layers(Engine& engine, const ResolvedImage& image) {
    constexpr auto kForEver = std::chrono::hours(24 * 365 * 100);
    storage::Store& store = engine.store_for_writing();
    const std::string lease = lease_of(engine, image.image_id.hex());
    const Time now = engine.clock().now();
    storage::Transaction tx(store.db());
    store.records().leases.remove(tx, lease);
    store.records().leases.create(tx,
                                  {.id = lease,
                                   .name_space = engine.name_space(),
                                   .created = now,
                                   .expires = now + kForEver});
    store.records().leases.add_snapshot(tx, lease, *image.chain_id);
    tx.commit(storage::Durability::relaxed);
}

void remove_lease(Engine& engine, const std::string& lease) {
    storage::Store& store = engine.store_for_writing();
    storage::Transaction tx(store.db());
    store.records().leases.remove(tx, lease);
    tx.commit(storage::Durability::relaxed);
}

void tell(Engine& engine, const std::string& image_hex, const char* action) {
    record_event(engine,
                 {.type = events::EventType::image,
                  .action = action,
                  .id = image_hex,
                  .name = {},
                  .image = {},
                  .attributes = {}});
}

}  // namespace

void forget_unmounted_images(Engine& engine) {
    const std::string prefix = lease_of(engine, "");
    const Time now = engine.clock().now();
    for (const auto& lease :
         engine.store_for_writing().records().leases.list(engine.name_space())) {
        if (lease.id.starts_with(prefix) && lease.created + kMountPatience < now &&
            !sys::is_mount_point(mount_path(engine, lease.id.substr(prefix.size())))) {
            remove_lease(engine, lease.id);
        }
    }
}

MountedRoot mount_image(Engine& engine, const std::string& name_or_id) {
    storage::Store& store = engine.store_for_writing();
    const ResolvedImage image = get_image(engine, name_or_id);
    const std::string hex(image.image_id.hex());
    const std::string path = mount_path(engine, hex);
    if (sys::is_mount_point(path)) {
        return describe(engine, hex);
    }
    if (!image.chain_id) {
        throw Error(
            ErrorKind::invalid, "image '{}' has no layers, so nothing to mount", name_or_id);
    }
    doing([&] { return fmt::format("mounting image {}", name_or_id); },
          [&] {
              forget_unmounted_images(engine);
              ensure_unpacked(engine, image);
              keep_layers(engine, image);
              runtime::RootfsSpec rootfs;
              rootfs.kind = runtime::RootfsKind::overlay;
              rootfs.read_only = true;
              for (const auto& directory : store.snapshots().lower_dirs(*image.chain_id)) {
                  rootfs.lower_dirs.push_back(directory);
              }
              const sys::UniqueFd root = runtime::open_rootfs(rootfs);
              sys::make_directories(path, 0700);
              sys::move_mount(root.get(), AT_FDCWD, path);
          });
    tell(engine, hex, "mount");
    return describe(engine, hex);
}

std::string unmount_image(Engine& engine, const std::string& name_or_id, bool is_forgiving) {
    (void)engine.store_for_writing();
    const std::string hex = find_mounted(engine, name_or_id);
    const std::string path = mount_path(engine, hex);
    const bool is_mounted = sys::is_mount_point(path);
    if (!is_mounted && !is_forgiving) {
        throw Error(ErrorKind::invalid, "image '{}' is not mounted", name_or_id)
            .with_hint("'nau image mount' lists what is mounted");
    }
    while (sys::is_mount_point(path)) {
        sys::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    if (sys::file_exists(path)) {
        sys::rmdir(path);
    }
    remove_lease(engine, lease_of(engine, hex));
    if (is_mounted) {
        tell(engine, hex, "unmount");
    }
    return hex;
}

std::vector<MountedRoot> list_mounted_images(Engine& engine) {
    std::vector<MountedRoot> mounts;
    for (const auto& id : mounted_ids(engine)) {
        mounts.push_back(describe(engine, id));
    }
    return mounts;
}

}  // namespace nau::engine
