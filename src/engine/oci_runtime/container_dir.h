#pragma once

// What the OCI runtime command line keeps of a container between two commands: one directory below
// --root, no database.
//
//   <root>/<id>/lock          flock: held by create, start and delete; free when its holder is gone
//   <root>/<id>/state.json    ContainerState
//   <root>/<id>/config.json   the runtime spec as it was when the container was created
//   <root>/<id>/exec.fifo     the first process waits at it until start writes a byte
//
//   create: mkdir ─▶ lock ─▶ state (no pid: creating) ─▶ groups, process ─▶ state (pid) ─▶ unlock
//   delete: lock ─▶ kill, groups ─▶ files, state.json last ─▶ rmdir
//
// The state without pid is written before anything is made in the kernel, so that whoever comes
// after a killed create knows what may be there. Whether a container is created, running, paused or
// stopped is never stored: the kernel is asked (find_status).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/runtime_spec.h"
#include "sys/lock_file.h"
#include "sys/process.h"

namespace nau::engine::oci_runtime {

struct ContainerState {
    std::string id;
    std::string oci_version;
    std::string bundle;  ///< absolute
    std::string rootfs;  ///< absolute
    std::string created;
    uint32_t owner_uid = 0;
    std::map<std::string, std::string> annotations;

    sys::ProcessId init;  ///< pid 0: not yet there
    std::string boot_id;
    std::string cgroup_path;    ///< empty: in nobody's group but the creator's
    std::string systemd_scope;  ///< "slice:prefix:name" when systemd made the group
    bool has_own_pid_namespace = true;
};

std::string to_text(const ContainerState& state);
/// @throws Error{corrupt}
ContainerState parse_container_state(std::string_view text, std::string_view what);

/// Letters, digits and "_+-." as runc takes them, but never "." or "..", and no name that is
/// longer than a file's. @throws Error{invalid}
void check_container_id(std::string_view id);

class ContainerDir {
  public:
    /// Makes nothing and looks at nothing. @throws Error{invalid} for an impossible id
    ContainerDir(const std::string& root, std::string_view id);

    const std::string& id() const noexcept { return id_; }
    const std::string& path() const noexcept { return path_; }
    std::string fifo_path() const { return path_ + "/exec.fifo"; }

    /// Makes the directory and takes its lock. An empty directory (of a create that was killed at
    /// once) is used. @throws Error{already_exists}
    sys::FileLock create() const;
    /// For an existing one. @throws Error{not_found}; Error{timed_out} naming who holds it
    sys::FileLock lock() const;
    bool exists() const;
    bool is_locked() const;

    /// @throws Error{not_found} when there is no such container
    ContainerState read_state() const;
    /// nullopt when there is none.
    std::optional<ContainerState> find_state() const;
    void write_state(const ContainerState& state) const;

    std::string read_spec_text() const;
    oci::RuntimeSpec read_spec() const;
    void write_spec(std::string_view text) const;

    /// The state goes last. Absent is fine.
    void remove() const;

  private:
    std::string id_;
    std::string path_;
};

/// Ids below `root`, sorted; none when there is no such directory.
std::vector<std::string> list_container_ids(const std::string& root);

/// With the working directory in front, unless it begins with a slash.
std::string absolute_path(const std::string& path);

/// /run/nau-runtime, or below $XDG_RUNTIME_DIR for a user.
std::string default_state_root();

}  // namespace nau::engine::oci_runtime
