#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/files.h"
#include "cli/usage_error.h"
#include "engine/volume/secret.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CreateSecretOptions secret;
    std::string source;
    bool is_variable = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Keep a text for containers that are given it by --secret, and print its id. It is read "
        "from a file, from standard input (-) or from a variable.");
    flags
        .parsed("-d,--driver",
                "DRIVER",
                "Where secrets are kept: file",
                [](std::string_view text) {
                    if (text != "file") {
                        throw Error(
                            ErrorKind::unsupported, "secret driver '{}': nau has only file", text);
                    }
                })
        .defaults_to("file");
    flags.toggle("--env", "SOURCE is the name of an environment variable", options.is_variable);
    flags.toggle("--ignore",
                 "Do not fail if there is a secret of that name",
                 options.secret.ignores_existing);
    flags
        .parsed("-l,--label",
                "KEY[=VALUE]",
                "Attach a label",
                [&options](std::string_view text) {
                    const auto pair = split_once(text, '=');
                    options.secret.labels.insert_or_assign(std::string(pair ? pair->first : text),
                                                           std::string(pair ? pair->second : ""));
                })
        .repeatable();
    flags.toggle(
        "--replace", "Give a secret of that name another content", options.secret.replaces);
    flags.argument("NAME", options.secret.name);
    flags.argument("SOURCE", options.source).completes(cli::Complete::file);
    flags.usage("NAME FILE|-");
    flags.example("printf %s hunter2 | nau secret create password -");
}

int run(cli::Context& context, const Options& options) {
    engine::CreateSecretOptions secret = options.secret;
    if (options.is_variable) {
        auto value = context.environment(options.source);
        if (!value) {
            throw Error(ErrorKind::not_found, "there is no variable '{}'", options.source);
        }
        secret.data = *std::move(value);
    } else if (options.source == "-") {
        secret.data = cli::read_all(STDIN_FILENO);
    } else {
        secret.data = cli::read_option_file(options.source);
    }
    context.out().print("{}\n", engine::create_secret(context.engine(), secret));
    return 0;
}

}  // namespace

constinit const cli::Command secret_create =
    cli::make_command<Options, declare, run>("Keep a secret for containers");

}  // namespace nau::subcommands
