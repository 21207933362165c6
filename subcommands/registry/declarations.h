#pragma once

// One object per command of this folder and of manifest/: what talks to registries, but for pull.

#include "cli/command.h"

namespace nau::subcommands {

extern const cli::Command login;
extern const cli::Command logout;
extern const cli::Command manifest_add;
extern const cli::Command manifest_annotate;
extern const cli::Command manifest_create;
extern const cli::Command manifest_exists;
extern const cli::Command manifest_inspect;
extern const cli::Command manifest_push;
extern const cli::Command manifest_remove;
extern const cli::Command manifest_rm;
extern const cli::Command push;
extern const cli::Command search;

}  // namespace nau::subcommands
