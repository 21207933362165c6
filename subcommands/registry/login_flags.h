#pragma once

// Where login and logout keep credentials.

#include "cli/flag_set.h"
#include "engine/registry/login.h"

namespace nau::subcommands {

/// --authfile, --compat-auth-file
void declare_login_flags(cli::FlagSet& flags, engine::LoginFiles& files);

}  // namespace nau::subcommands
