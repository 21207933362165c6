#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "engine/store/namespaces.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
    std::vector<std::string> labels;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Make a namespace. The first image or container in one makes it as well, so that this is "
        "for "
        "labels, or to see it in the list beforehand.");
    flags.list("-l,--label", "KEY=VALUE", "Give it a label", options.labels).repeatable();
    flags.argument("NAME", options.name);
}

int run(cli::Context& context, const Options& options) {
    std::map<std::string, std::string> labels;
    for (const auto& label : options.labels) {
        const auto pair = split_once(label, '=');
        labels[std::string(pair ? pair->first : label)] = pair ? pair->second : "";
    }
    engine::create_namespace(context.engine(), options.name, labels);
    context.out().print("{}\n", options.name);
    return 0;
}

}  // namespace

constinit const cli::Command namespace_create =
    cli::make_command<Options, declare, run>("Make a namespace");

}  // namespace nau::subcommands
