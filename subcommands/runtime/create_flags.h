#pragma once

// Flags that create, run and restore share.

#include <string>

#include "engine/oci_runtime/create_container.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands::runtime {

struct CreateFlags {
    Globals globals;
    std::string id;
    std::string bundle;
    engine::oci_runtime::ProcessIo io;
    bool no_pivot = false;
    bool no_new_keyring = false;
};

void declare_create(cli::FlagSet& flags, CreateFlags& options);
engine::oci_runtime::CreateOptions finish_create(const CreateFlags& options);

}  // namespace nau::subcommands::runtime
