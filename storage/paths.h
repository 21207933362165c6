#pragma once

// Every file and directory name below the graph root and the run root is made here, and nowhere
// else. Nothing here touches the disk.
//
//   <graph root>  durable, 0700            <run root>  tmpfs, gone at boot, 0700
//     lock                                   locks/<container id>  locks/pull-<hex>
//     driver  nau.db  nau.db-wal  nau.db-shm upkeep.lock  upkeep.wanted
//                                            containers/<id>/config.json   runtime spec
//     reserve  nau.db-suspect  images.json  layers.json  records/<id>.json
//     content/blobs/sha256/<hex>             containers/<id>/monitor.json  what the monitor needs
//     content/ingest/sha256-<hex>            containers/<id>/state.json    pid, start time, cgroup
//     snapshots/<number>/{fs,work}           containers/<id>/attach.sock  control.sock
//     trash/<name>                           containers/<id>/exit          exit record
//     secrets/<namespace>/<name>
//     volumes/<namespace>/<name>/_data       networks/  see network/keeper.h
//                                            mounts/containers/<id> mounts/images/<namespace>/<hex>
//                                            containers/<id>/exec/<id>/    the same of exec
//     sessions containers/<id>/container.log          netns/<id> events/journal.jsonl boot_id
//
// A name that comes from a user (volume, namespace) is refused unless it is a plain single path
// component; digests and container ids are well-formed by their types.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "storage/container_id.h"

namespace nau::storage {

/// Letters, digits, '.', '_' and '-', not beginning with a separator, at most `max_length` bytes:
/// what may name a namespace, a volume, a network, a container.
bool is_plain_name(std::string_view name, size_t max_length = 128) noexcept;

class Paths {
  public:
    using path = std::filesystem::path;

    /// Both absolute. @throws Error{invalid} when one is not
    Paths(path graph_root, path run_root);

    const path& graph_root() const noexcept { return graph_root_; }
    const path& run_root() const noexcept { return run_root_; }

    // --- graph root
    path store_lock() const;
    path database() const;
    /// Exists when a command has found the database damaged while it worked.
    path damage_mark() const;
    /// Taken away on a full disk, so that something can be removed.
    path reserve() const;
    /// Names the snapshotter of this store.
    path driver() const;
    path image_copies() const;
    path layer_copies() const;
    path container_copies() const;
    path container_copy(const ContainerId& id) const;
    path content() const;
    path blobs() const;
    path blob_directory(oci::DigestAlgorithm algorithm) const;
    path blob(const oci::Digest& digest) const;
    path ingests() const;
    path ingest(const oci::Digest& digest) const;
    /// The inverse of blob()'s and ingest()'s last components.
    static std::optional<oci::Digest> parse_blob_name(oci::DigestAlgorithm algorithm,
                                                      std::string_view name);
    static std::optional<oci::Digest> parse_ingest_name(std::string_view name);
    path snapshots() const;
    path snapshot(int64_t number) const;
    path snapshot_fs(int64_t number) const;
    path snapshot_work(int64_t number) const;
    path snapshot_copy(int64_t number) const;  ///< fs, while it is copied
    static std::optional<int64_t> parse_snapshot_name(std::string_view name);
    path trash() const;
    path volumes() const;
    path volume(std::string_view name_space, std::string_view name) const;
    path volume_data(std::string_view name_space, std::string_view name) const;
    path secrets(std::string_view name_space) const;
    path secret(std::string_view name_space, std::string_view name) const;
    path containers() const;
    path container_directory(const ContainerId& id) const;
    path container_log(const ContainerId& id) const;
    path container_last_end(const ContainerId& id) const;     ///< exit record of the last run
    path container_last_health(const ContainerId& id) const;  ///< its health at its end
    path events() const;
    path journal() const;

    // --- run root
    /// Where `mount` shows the root file systems of containers, and images of a namespace.
    path container_mounts() const;
    path container_mount(const ContainerId& id) const;
    path image_mounts(std::string_view name_space) const;
    path boot_id() const;
    path upkeep_lock() const;
    /// Exists while somebody has asked for the upkeep and nobody has begun it.
    path upkeep_request() const;
    path container_locks() const;
    path container_lock(const ContainerId& id) const;
    /// Held by whoever pulls the image of this manifest.
    path pull_lock(const oci::Digest& manifest) const;
    path container_runs() const;
    /// The container's directory below the run root.
    path container_run(const ContainerId& id) const;
    path runtime_spec(const ContainerId& id) const;    ///< config.json
    path monitor_config(const ContainerId& id) const;  ///< monitor.json
    path task_state(const ContainerId& id) const;      ///< state.json
    path attach_socket(const ContainerId& id) const;   ///< attach.sock
    path control_socket(const ContainerId& id) const;  ///< control.sock
    path exit_record(const ContainerId& id) const;     ///< exit
    /// The directory of one exec session, with files of the same names as a container's.
    path exec_run(const ContainerId& id, const ContainerId& exec_id) const;
    /// What is known of the networks of running containers.
    path networks() const;
    path network_namespaces() const;
    path network_namespace(const ContainerId& id) const;

  private:
    path graph_root_;
    path run_root_;
};

}  // namespace nau::storage
