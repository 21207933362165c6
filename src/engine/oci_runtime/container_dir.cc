#include "engine/oci_runtime/container_dir.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "sys/file.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr size_t kMaxState = 4 * 1024 * 1024;
constexpr size_t kMaxSpec = 16 * 1024 * 1024;
constexpr mode_t kDirectoryMode = 0711;  // a container's process is executed by way of it, no more
constexpr mode_t kFileMode = 0600;
constexpr std::chrono::seconds kPatience{10};

bool is_id_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '.';
}

Error no_such_container(std::string_view id) {
    // These words are what podman and containerd look for.
    return {ErrorKind::not_found, "container '{}' does not exist: container does not exist", id};
}

}  // namespace

void check_container_id(std::string_view id) {
    if (id.empty()) {
        throw Error(ErrorKind::invalid, "container id cannot be empty");
    }
    if (id.size() > NAME_MAX || id == "." || id == ".." ||
        !std::all_of(id.begin(), id.end(), is_id_character)) {
        throw Error(ErrorKind::invalid, "invalid container id format: '{}'", id)
            .with_hint("letters, digits and any of _ + - . make an id");
    }
}

std::string to_text(const ContainerState& state) {
    return json::to_text({
        {"id", state.id},
        {"ociVersion", state.oci_version},
        {"bundle", state.bundle},
        {"rootfs", state.rootfs},
        {"created", state.created},
        {"ownerUid", state.owner_uid},
        {"annotations", state.annotations},
        {"pid", state.init.pid},
        {"startTime", state.init.start_time},
        {"bootId", state.boot_id},
        {"cgroupPath", state.cgroup_path},
        {"systemdScope", state.systemd_scope},
        {"ownPidNamespace", state.has_own_pid_namespace},
    });
}

ContainerState parse_container_state(std::string_view text, std::string_view what) {
    const json::Value value = json::parse(text, what);
    const json::Field field(value, what);
    ContainerState state;
    state.id = field.at("id").as_string();
    state.oci_version = field.at("ociVersion").as_string();
    state.bundle = field.at("bundle").as_string();
    state.rootfs = field.at("rootfs").as_string();
    state.created = field.at("created").as_string();
    state.owner_uid = static_cast<uint32_t>(field.uint64_or("ownerUid", 0));
    state.annotations = field.string_map_or_empty("annotations");
    const int64_t pid = field.int64_or("pid", 0);
    if (pid < 0 || pid > INT_MAX) {
        field.at("pid").fail("is no process id");
    }
    state.init = {.pid = static_cast<pid_t>(pid), .start_time = field.uint64_or("startTime", 0)};
    state.boot_id = field.string_or("bootId", "");
    state.cgroup_path = field.string_or("cgroupPath", "");
    state.systemd_scope = field.string_or("systemdScope", "");
    state.has_own_pid_namespace = field.bool_or("ownPidNamespace", true);
    return state;
}

ContainerDir::ContainerDir(const std::string& root, std::string_view id)
    : id_(id), path_(fmt::format("{}/{}", root, id)) {
    check_container_id(id);
}

sys::FileLock ContainerDir::create() const {
    const bool is_new = [&] {
        try {
            return sys::mkdir_if_missing(path_, kDirectoryMode);
        } catch (const SysError& error) {
            if (error.error() != ENOENT) {
                throw;
            }
        }
        sys::make_directories(path_.substr(0, path_.rfind('/')), 0755);
        return sys::mkdir_if_missing(path_, kDirectoryMode);
    }();
    NAU_FAIL_POINT("oci_runtime.create.after_mkdir");
    auto lock = sys::FileLock::try_exclusive(path_ + "/lock");
    if (!lock || (!is_new && sys::file_exists(path_ + "/state.json"))) {
        throw Error(ErrorKind::already_exists, "container with id exists: '{}'", id_)
            .with_hint("'delete' removes it when it has stopped");
    }
    return std::move(*lock);
}

sys::FileLock ContainerDir::lock() const {
    if (!exists()) {
        throw no_such_container(id_);
    }
    return sys::FileLock::exclusive_within(path_ + "/lock", kPatience);
}

bool ContainerDir::exists() const {
    return sys::is_directory(path_);
}

bool ContainerDir::is_locked() const {
    try {
        return !sys::FileLock::try_shared(path_ + "/lock").has_value();
    } catch (const SysError& error) {
        if (error.kind() == ErrorKind::not_found) {
            return false;
        }
        throw;
    }
}

std::optional<ContainerState> ContainerDir::find_state() const {
    const std::string path = path_ + "/state.json";
    const auto text = sys::read_file_if_exists(path, kMaxState);
    if (!text) {
        return std::nullopt;
    }
    return parse_container_state(*text, path);
}

ContainerState ContainerDir::read_state() const {
    auto state = find_state();
    if (!state) {
        throw no_such_container(id_);
    }
    return *std::move(state);
}

void ContainerDir::write_state(const ContainerState& state) const {
    // It describes processes of this boot: a power cut makes it meaningless.
    sys::write_file_atomic(
        path_ + "/state.json", to_text(state), kFileMode, sys::Durability::relaxed);
}

std::string ContainerDir::read_spec_text() const {
    return sys::read_file(path_ + "/config.json", kMaxSpec);
}

oci::RuntimeSpec ContainerDir::read_spec() const {
    return oci::parse_runtime_spec(read_spec_text(), path_ + "/config.json");
}

void ContainerDir::write_spec(std::string_view text) const {
    sys::write_file_atomic(path_ + "/config.json", text, kFileMode, sys::Durability::relaxed);
}

void ContainerDir::remove() const {
    const auto entries = sys::list_directory_if_exists(path_);
    if (!entries) {
        return;
    }
    for (const sys::DirEntry& entry : *entries) {
        if (entry.name != "state.json" && entry.name != "lock") {
            sys::remove_tree(fmt::format("{}/{}", path_, entry.name));
        }
    }
    NAU_FAIL_POINT("oci_runtime.delete.before_state");
    (void)sys::unlink_if_exists(path_ + "/state.json");
    sys::remove_tree(path_);
}

std::vector<std::string> list_container_ids(const std::string& root) {
    std::vector<std::string> ids;
    for (const sys::DirEntry& entry :
         sys::list_directory_if_exists(root).value_or(std::vector<sys::DirEntry>())) {
        if (std::all_of(entry.name.begin(), entry.name.end(), is_id_character)) {
            ids.push_back(entry.name);
        }
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::string absolute_path(const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal().string();
}

std::string default_state_root() {
    if (::geteuid() != 0) {
        // No threads yet: the environment cannot change under us.
        const char* directory = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
        if (directory != nullptr && *directory == '/') {
            return fmt::format("{}/nau-runtime", directory);
        }
    }
    return "/run/nau-runtime";
}

}  // namespace nau::engine::oci_runtime
