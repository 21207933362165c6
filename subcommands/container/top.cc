#include <fmt/format.h>

#include "cli/context.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"
#include "engine/container/top_container.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string name;
    std::vector<std::string> words;
    bool is_latest = false;
    bool lists_descriptors = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List the processes of a running container. Columns are chosen by descriptors, or by the "
        "options -ef, aux, -o and -eo of ps(1).");
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    flags.toggle("--list-descriptors", "Print the descriptors", options.lists_descriptors);
    flags.argument("CONTAINER", options.name)
        .optional()
        .completes(cli::Complete::running_container);
    flags.arguments("DESCRIPTOR", options.words).optional();
    flags.usage("CONTAINER [DESCRIPTOR...]");
    flags.stop_at_first_argument();
    flags.example("nau top web");
    flags.example("nau top web pid user args");
    flags.example("nau top web -eo pid,comm");
}

int run(cli::Context& context, const Options& options) {
    if (options.lists_descriptors) {
        for (const auto& word : engine::top_descriptors()) {
            context.out().write(word + "\n");
        }
        return 0;
    }
    std::string name = options.name;
    std::vector<std::string> words = options.words;
    if (options.is_latest) {
        if (!name.empty()) {
            words.insert(words.begin(), name);
        }
        name = engine::latest_container_id(context.engine());
    }
    if (name.empty()) {
        throw cli::UsageError("nau top", "'nau top' needs the argument CONTAINER");
    }
    const auto processes = engine::top_container(context.engine(), name, words);
    cli::Table table;
    table.add_row(processes.headings);
    for (const auto& row : processes.rows) {
        table.add_row(row);
    }
    context.out().write(table.text());
    return 0;
}

}  // namespace

constinit const cli::Command top =
    cli::make_command<Options, declare, run>("List the processes of a container");

}  // namespace nau::subcommands
