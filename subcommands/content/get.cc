#include <cerrno>

#include "base/error.h"
#include "cli/context.h"
#include "engine/store/blobs.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string digest;
    std::string output = "-";
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write a blob to standard output, byte by byte as it was fetched. A beginning of the "
        "digest "
        "will do.");
    flags.value("-o,--output", "FILE", "Write to this file instead", options.output)
        .completes(cli::Complete::file);
    flags.argument("DIGEST", options.digest);
    flags.example("nau content get 4bcff63911fc | jq .");
}

int run(cli::Context& context, const Options& options) {
    const auto digest = engine::find_blob(context.engine(), options.digest);
    try {
        engine::write_blob_to(context.engine(), digest, options.output);
    } catch (const SysError& error) {
        if (options.output == "-" && error.error() == EPIPE) {
            throw cli::OutputClosed();
        }
        throw;
    }
    return 0;
}

}  // namespace

constinit const cli::Command content_get =
    cli::make_command<Options, declare, run>("Write a blob to standard output");

}  // namespace nau::subcommands
