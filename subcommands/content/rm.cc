#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "engine/store/blobs.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> digests;
    bool is_forced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Remove blobs that nothing needs. A beginning of the digest will do.");
    flags.toggle("-f,--force",
                 "Remove also what an image needs, which is broken until it is pulled again",
                 options.is_forced);
    flags.arguments("DIGEST", options.digests);
}

int run(cli::Context& context, const Options& options) {
    return cli::for_each_object(
        context,
        options.digests,
        [&](const std::string& digest) {
            engine::remove_blob(context.engine(), digest, options.is_forced);
            context.out().print("{}\n", digest);
        },
        cli::exit_code_of_removal);
}

}  // namespace

constinit const cli::Command content_rm =
    cli::make_command<Options, declare, run>("Remove blobs that nothing needs");

}  // namespace nau::subcommands
