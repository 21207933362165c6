#include "subcommands/flags/push.h"

#include <unistd.h>

#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/pull_display.h"
#include "cli/replace_file.h"
#include "cli/usage_error.h"
#include "engine/image/images.h"
#include "engine/image/push_image.h"
#include "engine/registry/manifest_list.h"
#include "subcommands/flags/registry.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

namespace {

struct PushOptions {
    engine::PushOptions push;
    std::string digestfile;
    bool is_all = true;
    bool is_quiet = false;
    bool removes = false;
    bool is_ignored = false;
};

void declare_push(cli::FlagSet& flags, PushOptions& options) {
    flags.description(
        "Push a manifest list with all its images, and print its digest. Without DESTINATION it "
        "goes to where its name says.");
    flags.toggle("--all", "Push the images as well; a list alone names nothing", options.is_all)
        .defaults_to("true");
    declare_push_form_flags(flags, options.push.conversion);
    flags.value("--digestfile", "FILE", "Write the digest to this file as well", options.digestfile)
        .completes(cli::Complete::file);
    flags.toggle("-p,--purge", "Remove the list after the push", options.removes);
    flags.toggle("--rm", "The same as --purge", options.removes);
    flags.toggle("-q,--quiet", "Print the digest only", options.is_quiet);
    flags.toggle("--remove-signatures", "Nothing: signatures are not sent", options.is_ignored)
        .hidden();
    declare_registry_flags(flags, options.push.registry);
    declare_retry_flags(flags, options.push.registry);
    flags.argument("LIST", options.push.image).completes(cli::Complete::image);
    flags.argument("DESTINATION", options.push.destination).optional();
    flags.example("nau manifest push app:1.0 registry.example.com/team/app:1.0");
}

int run_push(cli::Context& context, const PushOptions& options) {
    if (!options.is_all) {
        throw cli::UsageError("nau manifest push", "a list without its images names nothing");
    }
    check_push_form(options.push.conversion, "nau manifest push");
    cli::PullDisplay display(STDERR_FILENO,
                             cli::PullDisplay::style_for(STDERR_FILENO, options.is_quiet),
                             cli::PullDisplay::Direction::up);
    engine::PushOptions push = options.push;
    push.image = engine::get_list(context.engine(), push.image);
    push.selection.is_all = true;
    const auto result = engine::push_image(context.engine(), push, &display, display.stop_token());
    if (!options.digestfile.empty()) {
        cli::replace_file(options.digestfile, result.digest.to_string());
    }
    context.out().print("{}\n", result.digest);
    if (options.removes) {
        (void)engine::remove_image(context.engine(), push.image, /*is_forced=*/false);
    }
    return 0;
}

struct RmOptions {
    std::vector<std::string> lists;
    bool is_ignored = false;
};

void declare_rm(cli::FlagSet& flags, RmOptions& options) {
    flags.description("Remove manifest lists. Images that have names of their own stay.");
    flags.toggle("-i,--ignore", "Let lists that are not here be", options.is_ignored);
    flags.arguments("LIST", options.lists).completes(cli::Complete::image);
    flags.example("nau manifest rm app:1.0");
}

int run_rm(cli::Context& context, const RmOptions& options) {
    return cli::for_each_object(
        context,
        options.lists,
        [&](const std::string& list) {
            if (options.is_ignored && !engine::list_exists(context.engine(), list)) {
                return;
            }
            const auto removed = engine::remove_image(
                context.engine(), engine::get_list(context.engine(), list), /*is_forced=*/false);
            for (const auto& name : removed.untagged) {
                context.out().print("Untagged: {}\n", name);
            }
        },
        cli::exit_code_of);
}

}  // namespace

constinit const cli::Command manifest_push =
    cli::make_command<PushOptions, declare_push, run_push>("Push a manifest list");
constinit const cli::Command manifest_rm =
    cli::make_command<RmOptions, declare_rm, run_rm>("Remove manifest lists");

}  // namespace nau::subcommands
