#include "storage/paths.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"

namespace nau::storage {

namespace {

using std::filesystem::path;

bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

path require_plain(std::string_view name, std::string_view what) {
    if (!is_plain_name(name)) {
        throw Error(ErrorKind::invalid, "invalid {} name '{}'", what, name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
    return path(name);
}

path require_absolute(path root, std::string_view what) {
    if (!root.is_absolute()) {
        throw Error(ErrorKind::invalid, "the {} '{}' is not an absolute path", what, root.string());
    }
    root = root.lexically_normal();
    return root.has_filename() ? root : root.parent_path();
}

std::optional<oci::Digest> make_digest(std::string_view algorithm, std::string_view hex) {
    return oci::Digest::try_parse(fmt::format("{}:{}", algorithm, hex));
}

}  // namespace

bool is_plain_name(std::string_view name, size_t max_length) noexcept {
    return !name.empty() && name.size() <= max_length && is_letter_or_digit(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
           });
}

Paths::Paths(path graph_root, path run_root)
    : graph_root_(require_absolute(std::move(graph_root), "graph root")),
      run_root_(require_absolute(std::move(run_root), "run root")) {}

path Paths::store_lock() const {
    return graph_root_ / "lock";
}
path Paths::database() const {
    return graph_root_ / "nau.db";
}
path Paths::reserve() const {
    return graph_root_ / "reserve";
}
path Paths::driver() const {
    return graph_root_ / "driver";
}
path Paths::damage_mark() const {
    return graph_root_ / "nau.db-suspect";
}
path Paths::layer_copies() const {
    return graph_root_ / "layers.json";
}
path Paths::image_copies() const {
    return graph_root_ / "images.json";
}
path Paths::container_copies() const {
    return graph_root_ / "records";
}
path Paths::container_copy(const ContainerId& id) const {
    return container_copies() / (id.to_string() + ".json");
}
path Paths::content() const {
    return graph_root_ / "content";
}
path Paths::blobs() const {
    return content() / "blobs";
}

path Paths::blob_directory(oci::DigestAlgorithm algorithm) const {
    return blobs() / oci::to_string(algorithm);
}

path Paths::blob(const oci::Digest& digest) const {
    return blob_directory(digest.algorithm()) / digest.hex();
}

path Paths::ingests() const {
    return content() / "ingest";
}

path Paths::ingest(const oci::Digest& digest) const {
    return ingests() / fmt::format("{}-{}", oci::to_string(digest.algorithm()), digest.hex());
}

std::optional<oci::Digest> Paths::parse_blob_name(oci::DigestAlgorithm algorithm,
                                                  std::string_view name) {
    return make_digest(oci::to_string(algorithm), name);
}

std::optional<oci::Digest> Paths::parse_ingest_name(std::string_view name) {
    const auto parts = split_once(name, '-');
    return parts ? make_digest(parts->first, parts->second) : std::nullopt;
}

path Paths::snapshots() const {
    return graph_root_ / "snapshots";
}
path Paths::snapshot(int64_t number) const {
    return snapshots() / std::to_string(number);
}
path Paths::snapshot_fs(int64_t number) const {
    return snapshot(number) / "fs";
}
path Paths::snapshot_copy(int64_t number) const {
    return snapshot(number) / "fs-new";
}
path Paths::snapshot_work(int64_t number) const {
    return snapshot(number) / "work";
}

std::optional<int64_t> Paths::parse_snapshot_name(std::string_view name) {
    const auto number = parse_int64(name);
    const bool is_ours = number && *number > 0 && std::to_string(*number) == name;
    return is_ours ? number : std::nullopt;
}

path Paths::trash() const {
    return graph_root_ / "trash";
}
path Paths::secrets(std::string_view name_space) const {
    return graph_root_ / "secrets" / require_plain(name_space, "namespace");
}

path Paths::secret(std::string_view name_space, std::string_view name) const {
    return secrets(name_space) / require_plain(name, "secret");
}

path Paths::volumes() const {
    return graph_root_ / "volumes";
}

path Paths::volume(std::string_view name_space, std::string_view name) const {
    return volumes() / require_plain(name_space, "namespace") / require_plain(name, "volume");
}

path Paths::volume_data(std::string_view name_space, std::string_view name) const {
    return volume(name_space, name) / "_data";
}

path Paths::containers() const {
    return graph_root_ / "containers";
}

path Paths::container_directory(const ContainerId& id) const {
    return containers() / id.to_string();
}

path Paths::container_log(const ContainerId& id) const {
    return container_directory(id) / "container.log";
}

path Paths::container_last_end(const ContainerId& id) const {
    return container_directory(id) / "last-end.json";
}

path Paths::container_last_health(const ContainerId& id) const {
    return container_directory(id) / "last-health.json";
}

path Paths::events() const {
    return graph_root_ / "events";
}
path Paths::journal() const {
    return events() / "journal.jsonl";
}

path Paths::boot_id() const {
    return run_root_ / "boot_id";
}
path Paths::upkeep_lock() const {
    return run_root_ / "upkeep.lock";
}
path Paths::upkeep_request() const {
    return run_root_ / "upkeep.wanted";
}
path Paths::container_locks() const {
    return run_root_ / "locks";
}

path Paths::container_lock(const ContainerId& id) const {
    return container_locks() / id.to_string();
}

path Paths::pull_lock(const oci::Digest& manifest) const {
    return container_locks() / fmt::format("pull-{}", manifest.hex());
}

path Paths::container_mounts() const {
    return run_root_ / "mounts" / "containers";
}

path Paths::container_mount(const ContainerId& id) const {
    return container_mounts() / id.to_string();
}

path Paths::image_mounts(std::string_view name_space) const {
    return run_root_ / "mounts" / "images" / require_plain(name_space, "namespace");
}

path Paths::container_runs() const {
    return run_root_ / "containers";
}

path Paths::container_run(const ContainerId& id) const {
    return container_runs() / id.to_string();
}

path Paths::runtime_spec(const ContainerId& id) const {
    return container_run(id) / "config.json";
}

path Paths::monitor_config(const ContainerId& id) const {
    return container_run(id) / "monitor.json";
}

path Paths::task_state(const ContainerId& id) const {
    return container_run(id) / "state.json";
}

path Paths::attach_socket(const ContainerId& id) const {
    return container_run(id) / "attach.sock";
}

path Paths::control_socket(const ContainerId& id) const {
    return container_run(id) / "control.sock";
}

path Paths::exit_record(const ContainerId& id) const {
    return container_run(id) / "exit";
}

path Paths::exec_run(const ContainerId& id, const ContainerId& exec_id) const {
    return container_run(id) / "exec" / exec_id.to_string();
}

path Paths::networks() const {
    return run_root_ / "networks";
}

path Paths::network_namespaces() const {
    return run_root_ / "netns";
}

path Paths::network_namespace(const ContainerId& id) const {
    return network_namespaces() / id.to_string();
}

}  // namespace nau::storage
