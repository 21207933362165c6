#include "engine/container/user_namespace.h"

#include <fcntl.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_config.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "runtime/id_maps.h"
#include "storage/user_ids.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/namespace.h"

namespace nau::engine {

namespace {

constexpr uint32_t kSlotSize = 65536;
constexpr size_t kMaxSubidFile = 1U << 20U;
/// Of whom /etc/subuid tells the ids of containers, as with podman.
constexpr std::string_view kSubidUser = "containers";
/// Used when it tells nothing: the upper half of all ids.
constexpr oci::spec::IdMapping kDefaultIds{
    .container_id = 0, .host_id = 0x8000'0000, .size = 0x7fff'0000};

std::string read_subid_file(const char* path) {
    return sys::read_file_if_exists(path, kMaxSubidFile).value_or("");
}

// --- auto: slots

/// The first id of each slot.
std::vector<uint32_t> slots_of(const IdMappings& ranges) {
    std::vector<uint32_t> slots;
    for (const auto& range : ranges) {
        for (uint64_t at = 0; at + kSlotSize <= range.size; at += kSlotSize) {
            slots.push_back(static_cast<uint32_t>(range.host_id + at));
        }
    }
    return slots;
}

IdMappings ranges_of_containers() {
    const auto uids = subordinate_ids(read_subid_file("/etc/subuid"), kSubidUser);
    const auto gids = subordinate_ids(read_subid_file("/etc/subgid"), kSubidUser);
    if (uids.empty() && gids.empty()) {
        return {kDefaultIds};
    }
    if (runtime::id_map_text(uids) != runtime::id_map_text(gids)) {
        throw Error(ErrorKind::unsupported,
                    "the ranges of '{}' in /etc/subuid and /etc/subgid differ",
                    kSubidUser)
            .with_hint("make them the same, or say what you want with --uidmap and --gidmap");
    }
    return uids;
}

uint32_t take_slot(storage::Store& store, const storage::ContainerId& id) {
    const auto slots = slots_of(ranges_of_containers());
    if (const auto slot = storage::take_ids(store.paths(), id, slots)) {
        return *slot;
    }
    throw Error(ErrorKind::unavailable,
                "no range of {} ids is left of those that are for containers ({} in all)",
                kSlotSize,
                slots.size())
        .with_hint(fmt::format("remove containers, or give '{}' more ids in /etc/subuid and "
                               "/etc/subgid",
                               kSubidUser));
}

// --- of others

UserNamespace of_container(Engine& engine, const std::string& name) {
    const auto id = find_container(engine, name);
    const auto record = engine.store_for_reading().records().containers.get(id);
    const auto spec = oci::parse_runtime_spec(record.spec);
    return {.uids = spec.linux_.uid_mappings, .gids = spec.linux_.gid_mappings, .path = {}};
}

UserNamespace of_file(const std::string& path) {
    const auto fd = sys::open_namespace(path, sys::NamespaceKind::user);
    auto map = runtime::read_id_maps(fd.get());
    if (map.uids.empty() || map.gids.empty()) {
        throw Error(ErrorKind::invalid, "the user namespace '{}' has no id maps", path);
    }
    return {.uids = std::move(map.uids), .gids = std::move(map.gids), .path = path};
}

UserNamespace of_names(const UserNamespaceOptions& options) {
    const auto& user = options.subuid_name.empty() ? options.subgid_name : options.subuid_name;
    const auto& group = options.subgid_name.empty() ? options.subuid_name : options.subgid_name;
    UserNamespace made{.uids = subordinate_ids(read_subid_file("/etc/subuid"), user),
                       .gids = subordinate_ids(read_subid_file("/etc/subgid"), group),
                       .path = {}};
    if (made.uids.empty() || made.gids.empty()) {
        throw Error(ErrorKind::not_found,
                    "'{}' has no ids in {}",
                    made.uids.empty() ? user : group,
                    made.uids.empty() ? "/etc/subuid" : "/etc/subgid");
    }
    return made;
}

}  // namespace

UserNamespace resolve_user_namespace(Engine& engine,
                                     const storage::ContainerId& id,
                                     const UserNamespaceOptions& options) {
    constexpr std::string_view kContainer = "container:";
    constexpr std::string_view kFile = "ns:";
    if (options.mode.starts_with(kContainer)) {
        return of_container(engine, options.mode.substr(kContainer.size()));
    }
    if (options.mode.starts_with(kFile)) {
        return of_file(options.mode.substr(kFile.size()));
    }
    if (!options.subuid_name.empty() || !options.subgid_name.empty()) {
        return of_names(options);
    }
    if (!options.uids.empty() || !options.gids.empty()) {
        return {.uids = options.uids.empty() ? options.gids : options.uids,
                .gids = options.gids.empty() ? options.uids : options.gids,
                .path = {}};
    }
    if (options.mode.empty()) {
        return {};
    }
    if (options.mode == "keep-id") {
        const IdMappings all = {{.container_id = 0, .host_id = 0, .size = UINT32_MAX}};
        return {.uids = all, .gids = all, .path = {}};
    }
    const uint32_t slot = take_slot(engine.store_for_writing(), id);
    const IdMappings range = {{.container_id = 0, .host_id = slot, .size = options.size}};
    return {.uids = range, .gids = range, .path = {}};
}

void release_user_namespace(storage::Store& store, const storage::ContainerId& id) noexcept {
    try {
        storage::release_ids(store.paths(), id);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("giving back the ids of {}: {}, ignoring", id.short_id(), error.what());
    }
}

void give_files_to_namespace(const std::string& run_directory, const UserNamespace& name_space) {
    const auto give = [&](int directory, const std::string& name, uint32_t uid, uint32_t gid) {
        const auto outer_uid = map_id(name_space.uids, uid);
        const auto outer_gid = map_id(name_space.gids, gid);
        if (outer_uid && outer_gid) {
            sys::fchownat(directory, name, *outer_uid, *outer_gid);
        }
    };
    const sys::UniqueFd run = sys::open(run_directory, O_PATH | O_DIRECTORY);
    for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
        if (sys::fstatat_if_exists(run.get(), name)) {
            give(run.get(), name, 0, 0);
        }
    }
    const std::string secrets = run_directory + "/secrets";
    const auto entries = sys::list_directory_if_exists(secrets);
    if (!entries) {
        return;
    }
    const sys::UniqueFd place = sys::open(secrets, O_PATH | O_DIRECTORY);
    for (const auto& entry : *entries) {
        if (const auto status = sys::fstatat_if_exists(place.get(), entry.name)) {
            give(place.get(), entry.name, status->st_uid, status->st_gid);
        }
    }
}

}  // namespace nau::engine
