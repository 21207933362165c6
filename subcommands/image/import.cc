#include <unistd.h>

#include "cli/context.h"
#include "cli/files.h"
#include "cli/pull_display.h"
#include "cli/usage_error.h"
#include "engine/image/import_image.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::ImportOptions import;
    std::string os;
    std::string architecture;
    std::string variant;
    bool is_quiet = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    engine::ImportOptions& import = options.import;
    flags.description(
        "Make an image with one layer of a tar with a root file system, such as 'nau export' "
        "writes, "
        "and print its id. The tar may be compressed with gzip or zstd.");
    flags.value("--arch", "ARCH", "Architecture of the programs in it", options.architecture);
    flags.list("-c,--change", "INSTRUCTION", "Apply this instruction to the image", import.changes)
        .repeatable()
        .explain("As with 'nau commit'.");
    flags.value("-m,--message", "TEXT", "Comment for the history", import.message);
    flags.value("--os", "OS", "Operating system of the programs in it", options.os);
    flags
        .value("--platform", "OS/ARCH[/VARIANT]", "What the programs in it run on", import.platform)
        .defaults_to("this machine's");
    flags.toggle("-q,--quiet", "Print the id only", options.is_quiet);
    flags.value("--variant", "VARIANT", "Variant of the architecture", options.variant);
    flags.argument("FILE|URL|-", import.source).completes(cli::Complete::file);
    flags.argument("IMAGE", import.name).optional();
    flags.example("nau import -c 'CMD [\"sh\"]' rootfs.tar.gz example.com/base:1");
}

std::string platform_of(const Options& options) {
    const bool has_parts =
        !options.os.empty() || !options.architecture.empty() || !options.variant.empty();
    if (!has_parts) {
        return options.import.platform;
    }
    if (!options.import.platform.empty()) {
        throw cli::UsageError("nau import", "--platform excludes --os, --arch and --variant");
    }
    std::string text = options.os.empty() ? "linux" : options.os;
    if (!options.architecture.empty()) {
        text += "/" + options.architecture;
    } else if (!options.variant.empty()) {
        throw cli::UsageError("nau import", "--variant needs --arch");
    }
    return options.variant.empty() ? text : text + "/" + options.variant;
}

int run(cli::Context& context, const Options& options) {
    engine::ImportOptions import = options.import;
    import.platform = platform_of(options);
    if (import.source == "-" && cli::stdin_is_terminal()) {
        throw cli::UsageError("nau import", "standard input is a terminal: redirect it");
    }
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet));
    const auto id = engine::import_image(context.engine(), import, &display, display.stop_token());
    context.out().print("{}\n", id.hex());
    return 0;
}

}  // namespace

// `import` is a word of the language.
constinit const cli::Command import_command =
    cli::make_command<Options, declare, run>("Make an image of a tar with a root file system");

}  // namespace nau::subcommands
