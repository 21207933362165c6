#pragma once

// What a manifest list says of an image: flags of manifest create, add and annotate.

#include "cli/flag_set.h"
#include "engine/registry/manifest_list.h"

namespace nau::subcommands {

/// --annotation, --arch, --os, --os-version, --os-features, --features, --variant
void declare_entry_flags(cli::FlagSet& flags, engine::ListEntryOptions& entry);

}  // namespace nau::subcommands
