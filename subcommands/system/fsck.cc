#include "engine/store/fsck.h"

#include "cli/context.h"
#include "cli/human.h"
#include "cli/pull_display.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    bool only_looks = false;
    bool repairs = false;
    bool is_quick = false;
    bool is_deep = false;
    bool is_quiet = false;
};

constexpr std::string_view kExplanation =
    "Check every blob against its digest, every layer against what was unpacked, and every "
    "reference "
    "of images and containers. The status is 0 when nothing is wrong (any more), 1 when something "
    "is.";

void declare_common(cli::FlagSet& flags, Options& options) {
    flags.description(kExplanation);
    flags.toggle(
        "-q,--quick", "Do not read the blobs, only see that they are there", options.is_quick);
    flags
        .toggle(
            "--deep", "Compare all files of the layers with their blobs as well", options.is_deep)
        .explain(
            "Each layer is unpacked once more beside the one that is there, and goes again: that "
            "takes as long as pulling without the network, and the space of the largest layer. "
            "Without it files are counted and their lengths added up.");
}

void declare_fsck(cli::FlagSet& flags, Options& options) {
    declare_common(flags, options);
    flags.toggle("-n,--dry-run", "Change nothing", options.only_looks)
        .explain(
            "Without it what is damaged is thrown away and comes again alone: a layer from its "
            "blob, "
            "a blob from the registry by its digest.");
}

constexpr cli::RefusedFlag kRefused[] = {
    {"-f,--force", "nothing that is sound is ever removed"},
    {"-m,--max", "half an unpacked layer is worth nothing, whatever its age"},
};

void declare_check(cli::FlagSet& flags, Options& options) {
    declare_common(flags, options);
    flags.toggle("-r,--repair", "Repair, as 'nau fsck' does", options.repairs);
    flags.refuse(kRefused);
}

void print_counts(cli::Context& context, const engine::StoreCheck& check) {
    context.out().print("{} blobs ({}), {} layers, {} images, {} containers checked\n",
                        check.blobs,
                        cli::human_size(check.blob_bytes),
                        check.layers,
                        check.images,
                        check.containers);
}

int check_and_repair(cli::Context& context, const Options& options, bool repairs) {
    cli::PullDisplay display(2, cli::PullDisplay::style_for(2, false));
    const auto report = engine::fsck(
        context.engine(),
        {.repairs = repairs,
         .check = {.skips_digests = options.is_quick, .compares_layers = options.is_deep}},
        &display,
        display.stop_token());
    for (const auto& problem : report.first.problems) {
        context.out().print("damaged: {}\n", problem.text);
    }
    for (const auto& line : report.mended) {
        context.out().print("repair: {}\n", line);
    }
    if (!report.mended.empty()) {
        for (const auto& problem : report.left) {
            context.out().print("left: {}\n", problem.text);
        }
    }
    print_counts(context, report.first);
    return report.left.empty() ? 0 : 1;
}

int run_fsck(cli::Context& context, const Options& options) {
    return check_and_repair(context, options, !options.only_looks);
}

int run_check(cli::Context& context, const Options& options) {
    return check_and_repair(context, options, options.repairs);
}

}  // namespace

constinit const cli::Command fsck =
    cli::make_command<Options, declare_fsck, run_fsck>("Check the store and repair it");

constinit const cli::Command system_check =
    cli::make_command<Options, declare_check, run_check>("Check the store");

}  // namespace nau::subcommands
