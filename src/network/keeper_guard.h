#pragma once

// The keeper's guard: a process that waits for the keeper's end and does nothing else. A keeper
// that ends before the containers do was killed: the guard starts another one, which finds all it
// needs in the files, makes rules, ports and names anew, and starts a guard of its own. A keeper
// that ends because nothing is left to keep ends its guard first; one whose guard is killed starts
// another.
//
//   keeper ──spawn, pidfd──▶ guard ──the keeper is gone, containers are left──▶ keeper ──▶ guard

#include <filesystem>

#include "sys/process.h"

namespace nau::network {

/// `nau network-guard DIRECTORY`, the keeper's pidfd as descriptor 3. Returns the exit status.
int keeper_guard_main(int argc, char** argv) noexcept;

/// The hidden word that main() knows the process by.
inline constexpr const char* kKeeperGuardCommand = "network-guard";

/// A guard for this process, which is the keeper. @throws SysError
sys::Child start_keeper_guard(const std::filesystem::path& directory);

}  // namespace nau::network
