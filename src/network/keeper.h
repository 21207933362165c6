#pragma once

// The keeper: one small process per run root that holds what must live as long as the containers
// with a bridge network do: the firewall table (owned, where the kernel can do it), the sockets of
// published ports, the name server. Started by the first such container, ended shortly after the
// last. It has no database and no settings; all it knows are files on tmpfs, one per container:
//
//   <directory>/containers/<id>.json   written before the keeper is told, removed when it ends
//   <directory>/keeper.sock            requests, one frame each; answered when they are done
//   <directory>/keeper.lock            held while it lives
//   <directory>/keeper.log             its stderr: warnings only
//
//   command line ──file, "update ID"──▶ keeper ──ok | error──▶
//   kernel ──veth of ID is gone──▶ keeper: file, ports, names of ID go
//   kernel ──table is gone──▶ keeper: table is made again (where it cannot be owned)
//
// A keeper that is killed loses nothing: the next one reads the files. Whether a container is still
// there says the kernel: its interfaces go with its network namespace.

#include <filesystem>
#include <string>

namespace nau::network {

/// `nau network-keeper DIRECTORY`. Returns the exit status.
int keeper_main(int argc, char** argv) noexcept;

/// The hidden word that main() knows the process by.
inline constexpr const char* kKeeperCommand = "network-keeper";

/// "nau" for the usual run root, else a name of its own: two states on one machine do not share a
/// table.
std::string firewall_table_name(const std::filesystem::path& directory);

// Names below the directory.
std::filesystem::path keeper_socket_path(const std::filesystem::path& directory);
std::filesystem::path keeper_lock_path(const std::filesystem::path& directory);
std::filesystem::path attachments_path(const std::filesystem::path& directory);
std::filesystem::path attachment_path(const std::filesystem::path& directory,
                                      const std::string& container_id);

}  // namespace nau::network
