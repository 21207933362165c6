#include <map>

#include "cli/context.h"
#include "cli/human.h"
#include "engine/store/snapshots.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using engine::SnapshotSummary;

struct Options {};

void declare(cli::FlagSet& flags, Options&) {
    flags.description("Show each snapshot below the one that it is built upon.");
}

using Children = std::multimap<std::string, const SnapshotSummary*>;

/// Layers may be stacked deeper than a call stack is: no recursion.
void print_below(cli::Context& context, const Children& children) {
    struct Place {
        const SnapshotSummary* snapshot;
        std::string indent;
        bool is_last;
    };
    std::vector<Place> todo;
    const auto push = [&](const std::string& parent, const std::string& indent) {
        const auto [begin, end] = children.equal_range(parent);
        std::vector<Place> places;
        for (auto each = begin; each != end; ++each) {
            places.push_back({each->second, indent, std::next(each) == end});
        }
        todo.insert(todo.end(), places.rbegin(), places.rend());
    };
    push("", "");
    while (!todo.empty()) {
        const Place place = todo.back();
        todo.pop_back();
        const bool is_top = place.snapshot->parent.empty();
        context.out().print(
            "{}{}{}  {}{}\n",
            place.indent,
            is_top          ? ""
            : place.is_last ? "└── "
                            : "├── ",
            place.snapshot->key,
            place.snapshot->kind,
            place.snapshot->size_bytes ? "  " + cli::human_size(*place.snapshot->size_bytes) : "");
        push(place.snapshot->key, is_top ? "" : place.indent + (place.is_last ? "    " : "│   "));
    }
}

int run(cli::Context& context, const Options&) {
    const auto snapshots = engine::list_snapshots(context.engine());
    Children children;
    for (const auto& snapshot : snapshots) {
        children.emplace(snapshot.parent, &snapshot);
    }
    print_below(context, children);
    return 0;
}

}  // namespace

constinit const cli::Command snapshot_tree =
    cli::make_command<Options, declare, run>("Show how snapshots are built upon each other");

}  // namespace nau::subcommands
