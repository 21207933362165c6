#include "base/error.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"
#include "engine/volume/secret.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_all = false;
    bool ignores_missing = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Remove secrets. A running container keeps what it was given; it cannot be started again.");
    flags.toggle("-a,--all", "Remove all secrets", options.is_all);
    flags.toggle(
        "-i,--ignore", "Do not fail for a secret that does not exist", options.ignores_missing);
    flags.arguments("SECRET", options.names).optional();
    flags.usage("SECRET...");
}

int run(cli::Context& context, const Options& options) {
    if (options.names.empty() == !options.is_all) {
        throw cli::UsageError("nau secret rm",
                              "{}",
                              options.is_all ? "secrets and --all exclude each other"
                                             : "'nau secret rm' needs at least one SECRET");
    }
    std::vector<std::string> names = options.names;
    if (options.is_all) {
        for (const auto& secret : engine::list_secrets(context.engine(), {})) {
            names.push_back(secret.name);
        }
    }
    return cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            try {
                context.out().print("{}\n", engine::remove_secret(context.engine(), name));
            } catch (const Error& error) {
                if (!options.ignores_missing || error.kind() != ErrorKind::not_found) {
                    throw;
                }
            }
        },
        cli::exit_code_of_removal);
}

struct ExistsOptions {
    std::string name;
};

void declare_exists(cli::FlagSet& flags, ExistsOptions& options) {
    flags.description("End with status 0 if the secret exists, 1 if it does not. Print nothing.");
    flags.argument("SECRET", options.name);
}

int run_exists(cli::Context& context, const ExistsOptions& options) {
    try {
        (void)engine::get_secret(context.engine(), options.name);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) {
            return cli::kNotFound;
        }
        throw;
    }
    return 0;
}

}  // namespace

constinit const cli::Command secret_rm =
    cli::make_command<Options, declare, run>("Remove one or more secrets");
constinit const cli::Command secret_exists =
    cli::make_command<ExistsOptions, declare_exists, run_exists>(
        "Tell by the exit status whether a secret exists");

}  // namespace nau::subcommands
