#include "subcommands/flags/create_flags.h"

#include "base/error.h"

namespace nau::subcommands {

void declare_create_flags(cli::FlagSet& flags, CreateFlags& create) {
    declare_start_flags(flags, create);
    declare_account_flags(flags, create.options.accounts);
    declare_resource_flags(flags, create);
    declare_mount_flags(flags, create);
    declare_network_flags(flags, create);
    declare_security_flags(flags, create);
    declare_health_flags(flags, create);
    declare_log_flags(flags, create);
    declare_image_flags(flags, create);
    refuse_unknown_flags(flags);
    flags.usage("IMAGE [COMMAND [ARG...]]");
    flags.argument("IMAGE", create.options.image).completes(cli::Complete::image);
    flags.arguments("COMMAND", create.process.options.command).optional();
    flags.stop_at_first_argument();
}

engine::CreateOptions finish_create(cli::Context& context, const CreateFlags& flags) {
    engine::CreateOptions options = flags.options;
    if (options.replaces && options.name.empty()) {
        throw Error(ErrorKind::invalid,
                    "--replace needs --name: which container is it to replace?");
    }
    check_resources(options.resources);
    check_security(options.security);
    options.auto_remove = options.auto_remove || options.removes_image;
    check_network(options);
    engine::check_user_namespace(options.user_namespace);
    check_supervision(options);
    finish_rootfs(options);
    finish_mounts(options.mounts);
    options.process = finish_process(context, flags.process);
    options.platform = platform_of(flags.platform, "nau run");
    read_labels(flags, options.labels);
    options.stop_timeout = flags.stop_timeout.value_or(options.stop_timeout);
    return options;
}

}  // namespace nau::subcommands
