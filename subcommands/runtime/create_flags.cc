#include "subcommands/runtime/create_flags.h"

namespace nau::subcommands::runtime {

void declare_create(cli::FlagSet& flags, CreateFlags& options) {
    flags.value("-b,--bundle", "DIR", "Directory of config.json and the root", options.bundle)
        .completes(cli::Complete::directory)
        .defaults_to("the working directory");
    declare_process_io(flags, options.io);
    flags.toggle("--no-pivot", "Accepted for callers of runc", options.no_pivot)
        .explain("nau attaches the root in a way that works on a ramdisk too.");
    flags.toggle(
        "--no-new-keyring", "Keep the session keyring of the caller", options.no_new_keyring);
    declare_globals(flags, options.globals);
    flags.argument("ID", options.id);
}

engine::oci_runtime::CreateOptions finish_create(const CreateFlags& options) {
    return {.root = state_root(options.globals),
            .id = options.id,
            .bundle = options.bundle,
            .io = options.io,
            .keeps_keyring = options.no_new_keyring,
            .by_systemd = options.globals.by_systemd};
}

}  // namespace nau::subcommands::runtime
