#include "subcommands/flags/push.h"

#include <algorithm>
#include <array>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "cli/replace_file.h"
#include "cli/usage_error.h"
#include "engine/image/archive_source.h"
#include "engine/image/push_image.h"
#include "engine/image/save_image.h"
#include "subcommands/flags/platform.h"
#include "subcommands/flags/registry.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string image;
    std::string destination;
    engine::PushOptions push;
    PlatformFlags platform;
    std::string digestfile;
    bool is_quiet = false;
    bool is_all_tags = false;
    bool is_ignored = false;
};

unsigned parse_uploads(std::string_view text) {
    constexpr uint64_t kMost = 64;
    const auto number = parse_uint64(text);
    if (!number || *number == 0 || *number > kMost) {
        throw Error(ErrorKind::invalid, "is not a number from 1 to {}", kMost);
    }
    return static_cast<unsigned>(*number);
}

constexpr std::array kRefused = {
    cli::RefusedFlag{"--encrypt-layer", "encrypted layers are not supported"},
    cli::RefusedFlag{"--encryption-key", "encrypted layers are not supported"},
    cli::RefusedFlag{"--sign-by", "nau does not sign"},
    cli::RefusedFlag{"--sign-by-sigstore", "nau does not sign"},
    cli::RefusedFlag{"--sign-by-sigstore-private-key", "nau does not sign"},
    cli::RefusedFlag{"--sign-passphrase-file", "nau does not sign"},
    cli::RefusedFlag{"--signature-policy", "signatures are not checked yet"},
};

void declare_what(cli::FlagSet& flags, Options& options) {
    flags.toggle(
        "-a,--all-tags", "Push all tags that the repository has here", options.is_all_tags);
    flags
        .toggle("--all-platforms",
                "Push the image for all platforms that its index names",
                options.push.selection.is_all)
        .explain(
            "What was not pulled is fetched from where the image came from. Without it the "
            "platform that is here goes, as an image of its own; a list that was made by 'nau "
            "manifest create' always goes as a whole.");
    declare_platform_flags(flags, options.platform);
}

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Push an image to a registry and print its digest there. Layers and manifest go out byte "
        "by byte as they came, so that the digest stays; what the registry has is not sent again. "
        "DESTINATION is a name, or oci:DIR[:NAME], oci-archive:FILE[:NAME], "
        "docker-archive:FILE[:NAME] or dir:DIR (an OCI layout that is there gets the image "
        "besides those that it has); without it the image goes to where its name says.");
    declare_what(flags, options);
    declare_push_form_flags(flags, options.push.conversion);
    flags.value("--digestfile", "FILE", "Write the digest to this file as well", options.digestfile)
        .completes(cli::Complete::file);
    flags.toggle("-q,--quiet", "Print the digest only", options.is_quiet);
    flags
        .parsed("--max-concurrent-uploads",
                "NUMBER",
                "Send so many blobs at a time",
                [&options](std::string_view text) {
                    options.push.max_concurrent_uploads = parse_uploads(text);
                })
        .defaults_to("by the number of processors");
    declare_registry_flags(flags, options.push.registry);
    declare_retry_flags(flags, options.push.registry);
    flags.toggle("--remove-signatures", "Nothing: signatures are not sent", options.is_ignored)
        .hidden();
    flags
        .toggle("--disable-content-trust", "Nothing: there is no content trust", options.is_ignored)
        .hidden();
    flags.refuse(kRefused);
    flags.argument("IMAGE", options.image).completes(cli::Complete::image);
    flags.argument("DESTINATION", options.destination).optional();
    flags.example("nau push registry.example.com/team/app:1.0");
    flags.example("nau push app registry.example.com/team/app:1.0");
}

/// Files take what `save` writes.
void push_to_archive(cli::Context& context,
                     const Options& options,
                     const engine::ArchiveSource& target,
                     const std::stop_token& stop) {
    if (options.push.conversion.is_needed() || options.push.selection.is_all) {
        throw cli::UsageError("nau push", "an archive takes the image as it is here");
    }
    engine::save_images(context.engine(),
                        {.names = {options.image},
                         .format = target.format,
                         .output = target.path,
                         .saved_as = target.name,
                         .adds_to_layout = true},
                        stop);
}

void check(const Options& options) {
    if (options.is_all_tags && !options.destination.empty()) {
        throw cli::UsageError("nau push", "--all-tags pushes to where the names say");
    }
    check_push_form(options.push.conversion, "nau push");
}

int run(cli::Context& context, const Options& options) {
    check(options);
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet),
                             cli::PullDisplay::Direction::up);
    engine::PushOptions push = options.push;
    push.selection.platform = platform_of(options.platform, "nau push");
    if (!options.destination.empty()) {
        push.destination = options.destination;
        if (const auto archive = engine::parse_archive_source(push.destination)) {
            push_to_archive(context, options, *archive, display.stop_token());
            return 0;
        }
    }
    const auto push_one = [&](const std::string& image) {
        push.image = image;
        const engine::PushResult result =
            engine::push_image(context.engine(), push, &display, display.stop_token());
        if (!options.digestfile.empty()) {
            cli::replace_file(options.digestfile, result.digest.to_string());
        }
        context.out().print("{}\n", result.digest);
        context.out().flush();
    };
    const std::vector<std::string> images =
        options.is_all_tags ? engine::list_local_tags(context.engine(), options.image)
                            : std::vector{options.image};
    return cli::for_each_object(context, images, push_one, cli::exit_code_of);
}

}  // namespace

constinit const cli::Command push =
    cli::make_command<Options, declare, run>("Push an image to a registry");

}  // namespace nau::subcommands
