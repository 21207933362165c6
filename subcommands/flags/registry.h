#pragma once

// How to talk to registries: flags that all commands share which do.

#include "cli/flag_set.h"
#include "engine/image/registry_flags.h"

namespace nau::subcommands {

/// --tls-verify, --creds, --authfile, --cert-dir
void declare_registry_flags(cli::FlagSet& flags, engine::RegistryFlags& options);
/// --retry, --retry-delay
void declare_retry_flags(cli::FlagSet& flags, engine::RegistryFlags& options);

}  // namespace nau::subcommands
