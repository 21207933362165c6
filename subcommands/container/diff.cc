#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "cli/text.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"
#include "engine/container/diff_container.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using storage::Change;
using storage::ChangeKind;

struct Options {
    std::string name;
    std::string format;
    bool is_latest = false;
    engine::DiffKind kind = engine::DiffKind::any;
};

void declare_common(cli::FlagSet& flags, Options& options) {
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .changed .added .deleted, lists of paths.");
}

constexpr std::string_view kMarks =
    "Each line is A for what was added, C for what was changed and D for what was deleted, and a "
    "path. A directory in which something changed is changed itself.";

void declare_any(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List what a container has changed in the files of its image, or what the top layer of an "
        "image changes in those below. Each line is A for what was added, C for what was changed "
        "and D for what was deleted, and a path.");
    declare_common(flags, options);
    flags.toggle("-l,--latest", "The newest container", options.is_latest);
    flags.argument("CONTAINER|IMAGE", options.name).optional().completes(cli::Complete::container);
    flags.example("nau diff web");
}

void declare_container(cli::FlagSet& flags, Options& options) {
    options.kind = engine::DiffKind::container;
    flags.description(kMarks);
    declare_common(flags, options);
    flags.toggle("-l,--latest", "The newest container", options.is_latest);
    flags.argument("CONTAINER", options.name).optional().completes(cli::Complete::container);
}

void declare_image(cli::FlagSet& flags, Options& options) {
    options.kind = engine::DiffKind::image;
    flags.description(kMarks);
    declare_common(flags, options);
    flags.argument("IMAGE", options.name).completes(cli::Complete::image);
}

char mark_of(ChangeKind kind) noexcept {
    switch (kind) {
        case ChangeKind::changed:
            return 'C';
        case ChangeKind::added:
            return 'A';
        case ChangeKind::deleted:
            return 'D';
    }
    return '?';
}

nlohmann::json lists_of(const std::vector<Change>& changes) {
    nlohmann::json lists = nlohmann::json::object();
    for (const auto& change : changes) {
        const char* key = change.kind == ChangeKind::changed ? "changed"
                          : change.kind == ChangeKind::added ? "added"
                                                             : "deleted";
        lists[key].push_back(change.path);
    }
    return lists;
}

int run(cli::Context& context, const Options& options) {
    if (options.is_latest != options.name.empty()) {
        throw cli::UsageError("nau diff",
                              "{}",
                              options.is_latest ? "a name and --latest exclude each other"
                                                : "'nau diff' needs a container or an image");
    }
    const std::string name =
        options.is_latest ? engine::latest_container_id(context.engine()) : options.name;
    const auto changes = engine::diff_object(context.engine(), name, options.kind);
    if (!options.format.empty()) {
        cli::print_object(context.out(), options.format, lists_of(changes));
        return 0;
    }
    for (const auto& change : changes) {
        context.out().print("{} {}\n", mark_of(change.kind), cli::escape_control(change.path));
    }
    return 0;
}

}  // namespace

constinit const cli::Command diff = cli::make_command<Options, declare_any, run>(
    "List what was changed in a container or an image");
constinit const cli::Command container_diff =
    cli::make_command<Options, declare_container, run>("List what was changed in a container");
constinit const cli::Command image_diff =
    cli::make_command<Options, declare_image, run>("List what the top layer of an image changes");

}  // namespace nau::subcommands
