#include "engine/volume/volumes.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <glob.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "base/scope_exit.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/store/chown_tree.h"
#include "storage/layers/copy_tree.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

ResolvedMount resolve_bind(const MountRequest& request) {
    if (!sys::stat_if_exists(request.source)) {
        throw Error(ErrorKind::not_found, "host path '{}' to mount does not exist", request.source)
            .with_hint(fmt::format("create it, or use a volume: -v NAME:{}", request.destination));
    }
    return {.request = request, .source = request.source, .volume = {}};
}

/// What "volume create -o" said; nullopt: the volume is its directory.
std::optional<ResolvedMount::FileSystem> file_system_of(const storage::Labels& options) {
    const auto text_of = [&](const char* key) {
        const auto found = options.find(key);
        return found == options.end() ? std::string() : found->second;
    };
    ResolvedMount::FileSystem file_system{
        .type = text_of("type"), .device = text_of("device"), .options = {}};
    const std::string words = text_of("o");
    for (const auto option : split(words, ',')) {
        if (!option.empty()) {
            file_system.options.emplace_back(option);
        }
    }
    if (file_system.type.empty() && file_system.device.empty()) {
        return std::nullopt;
    }
    return file_system;
}

ResolvedMount resolve_volume(Engine& engine, const MountRequest& request) {
    const bool is_anonymous = request.source.empty();
    const std::string name = is_anonymous ? sys::random_hex(32) : request.source;
    storage::Store& store = engine.store_for_writing();
    ResolvedMount mount{.request = request,
                        .source = store.paths().volume_data(engine.name_space(), name).string(),
                        .volume = name,
                        .is_anonymous = is_anonymous};
    const auto record =
        is_anonymous ? std::nullopt : store.records().volumes.find(engine.name_space(), name);
    mount.file_system = file_system_of(record ? record->options : request.volume_options);
    if (mount.file_system) {
        mount.request.copy_up = false;
    }
    return mount;
}

/// The layers of an image, which must be here already: a mount does not pull.
ResolvedMount resolve_image(Engine& engine, const MountRequest& request) {
    const ResolvedImage image = get_image(engine, request.source);
    if (!image.chain_id) {
        throw Error(ErrorKind::invalid, "image '{}' has no files to mount", request.source);
    }
    ensure_unpacked(engine, image);
    ResolvedMount mount{.request = request, .source = {}, .volume = {}};
    for (const auto& directory :
         engine.store_for_writing().snapshots().lower_dirs(*image.chain_id)) {
        mount.lower_dirs.push_back(directory);
    }
    mount.image_layers = image.chain_id;
    return mount;
}

/// The option O: the source is the lower layer.
ResolvedMount with_overlay(ResolvedMount mount) {
    if (!mount.request.is_overlay) {
        return mount;
    }
    if (mount.file_system) {
        throw Error(ErrorKind::unsupported,
                    "volume {} is a file system of its own: option O is not supported for it",
                    mount.volume);
    }
    const auto status = sys::stat_if_exists(mount.source);
    if (mount.volume.empty() && status && !S_ISDIR(status->st_mode)) {
        throw Error(ErrorKind::invalid, "option O: '{}' is no directory", mount.source);
    }
    mount.lower_dirs = {mount.source};
    mount.upper = mount.request.upper_dir;
    mount.work = mount.request.work_dir;
    return mount;
}

bool is_covered(const std::vector<ResolvedMount>& mounts, const std::string& destination) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const ResolvedMount& mount) {
        return mount.request.destination == destination;
    });
}

/// A mount of another container, to be had here as well.
ResolvedMount repeat_mount(const RecordedMount& recorded, const VolumesFromRequest& wanted) {
    MountRequest request;
    request.type = recorded.volume.empty() ? MountRequest::Type::bind : MountRequest::Type::volume;
    request.source = recorded.volume.empty() ? recorded.source : recorded.volume;
    request.destination = recorded.destination;
    request.options = recorded.options;
    request.propagation = recorded.propagation;
    request.is_recursive = recorded.is_recursive;
    request.is_read_only = wanted.is_read_only.value_or(recorded.is_read_only);
    request.copy_up = false;
    request.is_overlay = !recorded.overlay_root.empty();
    return with_overlay({.request = request,
                         .source = recorded.source,
                         .volume = recorded.volume,
                         .is_anonymous = recorded.is_anonymous});
}

/// --volumes-from: what the user says for a place himself counts more.
void add_mounts_of_others(Engine& engine,
                          const CreateOptions& options,
                          std::vector<ResolvedMount>& mounts) {
    for (const auto& wanted : options.volumes_from) {
        const auto id = find_container(engine, wanted.container);
        const auto record = engine.store_for_writing().records().containers.get(id);
        for (const auto& recorded : parse_container_config(record.config).mounts) {
            const bool is_shared = recorded.type == "bind" || recorded.type == "volume";
            if (is_shared && !is_covered(mounts, recorded.destination)) {
                mounts.push_back(repeat_mount(recorded, wanted));
            }
        }
    }
}

/// An image's volume is a place only; "." and ".." in it are an attempt to be somewhere else
/// (CVE-2022-23648).
bool is_safe_destination(const std::string& destination) {
    if (destination.size() < 2 || destination.front() != '/') {
        return false;
    }
    return destination.find("/../") == std::string::npos && !destination.ends_with("/..");
}

}  // namespace

std::vector<ResolvedMount> resolve_mounts(Engine& engine,
                                          const CreateOptions& options,
                                          const oci::ContainerDefaults& defaults) {
    std::vector<ResolvedMount> mounts;
    for (const auto& request : expand_globs(options.mounts)) {
        if (is_covered(mounts, request.destination)) {
            throw Error(ErrorKind::invalid, "two mounts at '{}'", request.destination);
        }
        switch (request.type) {
            case MountRequest::Type::bind:
                mounts.push_back(with_overlay(resolve_bind(request)));
                break;
            case MountRequest::Type::volume:
                mounts.push_back(with_overlay(resolve_volume(engine, request)));
                break;
            case MountRequest::Type::image:
                mounts.push_back(resolve_image(engine, request));
                break;
            case MountRequest::Type::glob:  // expanded
            case MountRequest::Type::ramfs:
            case MountRequest::Type::devpts:
            case MountRequest::Type::tmpfs:
                mounts.push_back({.request = request, .source = {}, .volume = {}});
                break;
        }
    }
    add_mounts_of_others(engine, options, mounts);
    if (options.image_volumes == CreateOptions::ImageVolumes::ignore) {
        return mounts;
    }
    for (const auto& destination : defaults.volumes) {
        if (!is_safe_destination(destination)) {
            throw Error(ErrorKind::invalid,
                        "the image asks for a volume at '{}', which is no place inside",
                        destination);
        }
        if (!is_covered(mounts, destination)) {
            MountRequest request;
            request.destination = destination;
            if (options.image_volumes == CreateOptions::ImageVolumes::tmpfs) {
                request.type = MountRequest::Type::tmpfs;
                mounts.push_back({.request = request, .source = {}, .volume = {}});
                continue;
            }
            request.type = MountRequest::Type::volume;
            mounts.push_back(resolve_volume(engine, request));
        }
    }
    return mounts;
}

void record_volumes(Engine& engine,
                    storage::Transaction& tx,
                    const storage::ContainerId& container,
                    const std::vector<ResolvedMount>& mounts) {
    auto& volumes = engine.store_for_writing().records().volumes;
    for (const auto& mount : mounts) {
        if (mount.volume.empty()) {
            continue;
        }
        if (!volumes.find(engine.name_space(), mount.volume)) {
            volumes.create(tx,
                           {.name_space = engine.name_space(),
                            .name = mount.volume,
                            .labels = mount.request.volume_labels,
                            .options = mount.request.volume_options,
                            .created = engine.clock().now(),
                            .is_anonymous = mount.is_anonymous});
        }
        volumes.attach(tx, engine.name_space(), mount.volume, container);
    }
}

void fill_volumes(Engine& engine,
                  const sys::DirFd& image_tree,
                  const std::vector<ResolvedMount>& mounts) {
    storage::Store& store = engine.store_for_writing();
    for (const auto& mount : mounts) {
        if (mount.volume.empty()) {
            continue;
        }
        sys::make_directories(mount.source, 0755);
        const auto volume = store.records().volumes.find(engine.name_space(), mount.volume);
        if (!volume || volume->is_used) {
            continue;
        }
        if (mount.request.copy_up && sys::list_directory(mount.source).empty()) {
            doing([&] { return fmt::format("filling volume {}", mount.volume); },
                  [&] {
                      const auto from = image_tree.find_in_root(mount.request.destination,
                                                                O_RDONLY | O_DIRECTORY);
                      if (from) {  // else it is no directory there
                          const auto to = sys::open(mount.source, O_RDONLY | O_DIRECTORY);
                          storage::copy_tree(from->get(), to.get());
                      }
                  });
        }
        storage::Transaction tx(store.db());
        store.records().volumes.set_used(tx, engine.name_space(), mount.volume);
        tx.commit(storage::Durability::durable);
    }
}

std::vector<MountRequest> expand_globs(const std::vector<MountRequest>& mounts) {
    std::vector<MountRequest> expanded;
    for (const auto& mount : mounts) {
        if (mount.type != MountRequest::Type::glob) {
            expanded.push_back(mount);
            continue;
        }
        ::glob_t matches = {};
        const int status = ::glob(mount.source.c_str(), GLOB_NOSORT, nullptr, &matches);
        const ScopeExit release([&]() noexcept { ::globfree(&matches); });
        if (status != 0) {
            throw Error(ErrorKind::not_found, "nothing matches the pattern '{}'", mount.source);
        }
        for (size_t i = 0; i < matches.gl_pathc; ++i) {
            MountRequest match = mount;
            match.type = MountRequest::Type::bind;
            match.source = matches.gl_pathv[i];
            match.destination +=
                fmt::format("/{}", std::filesystem::path(match.source).filename().string());
            expanded.push_back(std::move(match));
        }
    }
    return expanded;
}

void give_sources(const std::vector<ResolvedMount>& mounts,
                  const UserNamespace& users,
                  uint32_t uid,
                  uint32_t gid) {
    for (const auto& mount : mounts) {
        if (!mount.request.changes_owner || mount.source.empty()) {
            continue;
        }
        // A volume is mounted with its ids mapped, a path of the host is not.
        const bool is_mapped = users.is_host() || !mount.volume.empty();
        chown_tree(mount.source,
                   is_mapped ? uid : map_id(users.uids, uid).value_or(uid),
                   is_mapped ? gid : map_id(users.gids, gid).value_or(gid));
    }
}

void place_overlays(std::vector<ResolvedMount>& mounts, const std::filesystem::path& directory) {
    size_t number = 0;
    for (auto& mount : mounts) {
        const bool wants_upper = !mount.lower_dirs.empty() && !mount.request.is_read_only;
        if (wants_upper && mount.upper.empty()) {
            mount.overlay_directory = (directory / std::to_string(number++)).string();
            mount.upper = mount.overlay_directory + "/upper";
            mount.work = mount.overlay_directory + "/work";
        }
    }
}

void renew_overlays(const ContainerConfig& config) {
    for (const auto& mount : config.mounts) {
        if (mount.overlay_directory.empty()) {
            continue;
        }
        sys::remove_tree(mount.overlay_directory);
        sys::make_directories(mount.overlay_directory, 0700);
        sys::make_directories(mount.overlay_directory + "/work", 0700);
        const std::string upper = mount.overlay_directory + "/upper";
        sys::make_directories(upper, 0755);
        // The overlay's root is the upper directory's.
        if (const auto below = sys::stat_if_exists(mount.overlay_root)) {
            const sys::UniqueFd fd = sys::open(upper, O_RDONLY | O_DIRECTORY);
            sys::fchown(fd.get(), below->st_uid, below->st_gid);
            sys::fchmod(fd.get(), below->st_mode & 07777);
        }
    }
}

std::string layers_lease(const storage::ContainerId& container) {
    return fmt::format("container-{}", container.to_string());
}

void keep_image_layers(Engine& engine,
                       storage::Transaction& tx,
                       const storage::ContainerId& container,
                       const std::vector<ResolvedMount>& mounts) {
    constexpr auto kForEver = std::chrono::hours(24 * 365 * 100);
    auto& leases = engine.store_for_writing().records().leases;
    bool has_lease = false;
    for (const auto& mount : mounts) {
        if (!mount.image_layers) {
            continue;
        }
        if (!has_lease) {
            const Time now = engine.clock().now();
            leases.create(tx,
                          {.id = layers_lease(container),
                           .name_space = engine.name_space(),
                           .created = now,
                           .expires = now + kForEver});
            has_lease = true;
        }
        leases.add_snapshot(tx, layers_lease(container), *mount.image_layers);
    }
}

RecordedMount describe_mount(const ResolvedMount& mount) {
    const MountRequest& request = mount.request;
    RecordedMount recorded;
    switch (request.type) {
        case MountRequest::Type::bind:
            recorded.type = "bind";
            break;
        case MountRequest::Type::volume:
            recorded.type = "volume";
            break;
        case MountRequest::Type::tmpfs:
            recorded.type = "tmpfs";
            break;
        case MountRequest::Type::ramfs:
            recorded.type = "ramfs";
            break;
        case MountRequest::Type::devpts:
            recorded.type = "devpts";
            break;
        case MountRequest::Type::glob:
            recorded.type = "bind";
            break;
        case MountRequest::Type::image:
            recorded.type = "image";
            break;
    }
    recorded.volume = mount.volume;
    recorded.source = mount.image_layers ? request.source : mount.source;
    recorded.destination = request.destination;
    recorded.options = request.options;
    recorded.is_read_only = request.is_read_only;
    recorded.is_anonymous = mount.is_anonymous;
    recorded.propagation = request.propagation;
    recorded.is_recursive = request.is_recursive;
    recorded.overlay_directory = mount.overlay_directory;
    recorded.overlay_root = mount.lower_dirs.empty() ? "" : mount.lower_dirs.front();
    return recorded;
}

void remove_anonymous_volumes(Engine& engine, const ContainerConfig& config) {
    storage::Store& store = engine.store_for_writing();
    auto& volumes = store.records().volumes;
    for (const auto& mount : config.mounts) {
        if (!mount.is_anonymous || !volumes.users(engine.name_space(), mount.volume).empty()) {
            continue;
        }
        storage::Transaction tx(store.db());
        volumes.remove(tx, engine.name_space(), mount.volume);
        tx.commit(storage::Durability::durable);
        (void)storage::Trash(store.paths())
            .take(store.paths().volume(engine.name_space(), mount.volume));
    }
}

}  // namespace nau::engine
