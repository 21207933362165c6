#pragma once

// Where the settings (nau.conf, registries.conf, certs.d, auth files) and flags of a command become
// the options of a registry client, and a name as typed becomes the references it may stand for.

#include <stop_token>
#include <string>
#include <vector>

#include "engine/image/registry_flags.h"
#include "oci/reference.h"
#include "oci/registry/client.h"

namespace nau::engine {

class Engine;
class PullProgress;

/// For reading goes by mirrors and rewritten locations; for writing to the name itself.
enum class RegistryUse { read, write };

/// The engine and `progress` (may be null) must outlive the client. @throws Error for a
/// registries.conf that cannot be read
oci::ClientOptions client_options(Engine& engine,
                                  const RegistryFlags& flags,
                                  RegistryUse use,
                                  PullProgress* progress,
                                  std::stop_token stop);

/// What a name as typed may stand for, in the order to try; one unless it has no registry and
/// several are configured. @throws Error{invalid}
std::vector<oci::Reference> candidate_references(Engine& engine, const std::string& name);

/// As above for a pull. @throws also Error{invalid} when the administrator wants the user to choose
/// one: nau never asks
std::vector<oci::Reference> pull_references(Engine& engine, const std::string& name);

/// The registry that commands without one mean: the first to search, or docker.io.
std::string default_registry(Engine& engine);

}  // namespace nau::engine
