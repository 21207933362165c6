#include "cli/context.h"
#include "cli/usage_error.h"
#include "engine/registry/login.h"
#include "subcommands/registry/declarations.h"
#include "subcommands/registry/login_flags.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string registry;
    engine::LoginFiles files;
    bool is_everywhere = false;
    bool is_ignored = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Forget the credentials of a registry: without REGISTRY, of the one that names without a "
        "registry go to.");
    flags.toggle("-a,--all", "Forget those of all registries", options.is_everywhere);
    declare_login_flags(flags, options.files);
    flags.toggle("--tls-verify", "Nothing: no registry is asked", options.is_ignored).hidden();
    flags.argument("REGISTRY", options.registry).optional();
    flags.example("nau logout registry.example.com");
}

int run(cli::Context& context, const Options& options) {
    if (options.is_everywhere) {
        if (!options.registry.empty()) {
            throw cli::UsageError("nau logout", "--all goes without a registry");
        }
        engine::log_out_everywhere(context.engine(), options.files);
        context.out().print("Removed login credentials for all registries\n");
        return 0;
    }
    const std::string key = engine::login_key(context.engine(), options.registry);
    engine::log_out(context.engine(), key, options.files);
    context.out().print("Removed login credentials for {}\n", key);
    return 0;
}

}  // namespace

void declare_login_flags(cli::FlagSet& flags, engine::LoginFiles& files) {
    flags.value("--authfile", "FILE", "Keep credentials in this file", files.authfile)
        .defaults_to("$REGISTRY_AUTH_FILE, or containers/auth.json below $XDG_RUNTIME_DIR")
        .completes(cli::Complete::file);
    flags
        .value("--compat-auth-file",
               "FILE",
               "Keep credentials in this file of docker's (~/.docker/config.json)",
               files.compat_auth_file)
        .completes(cli::Complete::file);
}

constinit const cli::Command logout =
    cli::make_command<Options, declare, run>("Forget the credentials of a registry");

}  // namespace nau::subcommands
