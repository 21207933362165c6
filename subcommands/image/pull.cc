#include <algorithm>
#include <array>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "engine/image/archive_source.h"
#include "engine/image/pull_image.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/platform.h"
#include "subcommands/flags/registry.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> references;
    engine::PullOptions pull;
    PlatformFlags platform;
    bool is_quiet = false;
    bool is_all_tags = false;
    bool is_ignored = false;
};

unsigned parse_downloads(std::string_view text) {
    constexpr uint64_t kMost = 64;  // as in nau.conf
    const auto number = parse_uint64(text);
    if (!number || *number == 0 || *number > kMost) {
        throw Error(ErrorKind::invalid, "is not a number from 1 to {}", kMost);
    }
    return static_cast<unsigned>(*number);
}

constexpr std::array kRefused = {
    cli::RefusedFlag{"--decryption-key", "encrypted layers are not supported"},
    cli::RefusedFlag{"--signature-policy", "signatures are not checked yet"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Fetch images from a registry and print the id of each. A name without a registry means "
        "docker.io unless registries.conf says otherwise, one without a tag means latest. Every "
        "byte is checked against its digest before it is used, and what was fetched before an "
        "interruption is not fetched again. oci:DIR[:NAME], oci-archive:FILE[:NAME], "
        "docker-archive:FILE[:NAME] and dir:DIR name an image on disk; docker:// before a name is "
        "taken away.");
    flags.toggle("-a,--all-tags", "Pull all tags of the repository", options.is_all_tags);
    declare_platform_flags(flags, options.platform);
    flags
        .parsed("--policy",
                "POLICY",
                "When to ask the registry: always, missing, never, newer",
                [&options](std::string_view text) {
                    options.pull.policy = engine::parse_pull_policy(text);
                })
        .defaults_to("always")
        .one_of({"always", "missing", "never", "newer"})
        .explain(
            "newer is always that makes do with the image that is here when the registry "
            "does not answer.");
    flags.toggle("-q,--quiet", "Print the id only", options.is_quiet);
    flags
        .parsed("--max-concurrent-downloads",
                "NUMBER",
                "Fetch so many layers at a time",
                [&options](std::string_view text) {
                    options.pull.registry.max_concurrent_downloads = parse_downloads(text);
                })
        .defaults_to("by the number of processors");
    declare_registry_flags(flags, options.pull.registry);
    declare_retry_flags(flags, options.pull.registry);
    flags
        .toggle("--disable-content-trust", "Nothing: there is no content trust", options.is_ignored)
        .hidden();
    flags.refuse(kRefused);
    flags.arguments("IMAGE", options.references).completes(cli::Complete::image);
    flags.example("nau pull alpine:3.20");
    flags.example("nau pull --platform linux/arm64 quay.io/fedora/fedora:41");
}

int run(cli::Context& context, const Options& options) {
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet));
    engine::PullOptions pull = options.pull;
    pull.platform = platform_of(options.platform, "nau pull");
    const auto pull_one = [&](const std::string& reference) {
        if (const auto source = engine::parse_archive_source(reference)) {
            const auto loaded = engine::load_from_source(
                context.engine(), *source, pull.platform, &display, display.stop_token());
            context.out().print("{}\n", loaded.image_id.hex());
            return;
        }
        constexpr std::string_view kTransport = "docker://";
        pull.reference =
            reference.substr(reference.starts_with(kTransport) ? kTransport.size() : 0);
        const engine::PullResult result =
            engine::pull_image(context.engine(), pull, &display, display.stop_token());
        context.out().print("{}\n", result.image_id.hex());
        context.out().flush();
    };
    if (!options.is_all_tags) {
        return cli::for_each_object(context, options.references, pull_one, cli::exit_code_of);
    }
    int status = 0;
    const int list_status = cli::for_each_object(
        context,
        options.references,
        [&](const std::string& repository) {
            pull.reference = repository;
            const auto tags =
                engine::list_remote_tags(context.engine(), pull, display.stop_token());
            status =
                std::max(status, cli::for_each_object(context, tags, pull_one, cli::exit_code_of));
        },
        cli::exit_code_of);
    return std::max(status, list_status);
}

}  // namespace

constinit const cli::Command pull =
    cli::make_command<Options, declare, run>("Fetch an image from a registry");

}  // namespace nau::subcommands
