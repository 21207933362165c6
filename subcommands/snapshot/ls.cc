#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "engine/store/snapshots.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {
    std::string format;
    bool is_whole = false;
    bool only_keys = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List unpacked layers (committed, by their chainID) and the file systems of containers "
        "(active, by the container's id).");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .Key .Kind .Parent .Size .Bytes .Inodes .Created .Durable .Lease.");
    flags.toggle("--no-trunc", "Do not shorten keys", options.is_whole);
    flags.toggle("-q,--quiet", "Print keys only", options.only_keys);
}

std::string shown(const std::string& key, bool is_whole) {
    constexpr size_t kShort = 12;
    if (is_whole) {
        return key;
    }
    return (key.starts_with("sha256:") ? key.substr(7) : key).substr(0, kShort);
}

Json row_of(const engine::SnapshotSummary& snapshot, bool is_whole) {
    return {{"Key", shown(snapshot.key, is_whole)},
            {"Kind", snapshot.kind},
            {"Parent", shown(snapshot.parent, is_whole)},
            {"Size", snapshot.size_bytes ? cli::human_size(*snapshot.size_bytes) : ""},
            {"Bytes", snapshot.size_bytes ? Json(*snapshot.size_bytes) : Json(nullptr)},
            {"Inodes", snapshot.inodes ? Json(*snapshot.inodes) : Json(nullptr)},
            {"Created", format_rfc3339(snapshot.created)},
            {"Durable", snapshot.is_durable},
            {"Lease", snapshot.lease}};
}

void print_table(cli::Context& context,
                 const std::vector<engine::SnapshotSummary>& snapshots,
                 bool is_whole) {
    cli::Table table;
    table.add_row({"KEY", "KIND", "PARENT", "SIZE", "CREATED"});
    for (const auto& snapshot : snapshots) {
        const Json row = row_of(snapshot, is_whole);
        table.add_row({row["Key"],
                       row["Kind"],
                       row["Parent"],
                       row["Size"],
                       cli::human_age(snapshot.created, context.now())});
    }
    context.out().write(table.text());
}

int run(cli::Context& context, const Options& options) {
    const auto snapshots = engine::list_snapshots(context.engine());
    if (options.only_keys) {
        for (const auto& snapshot : snapshots) {
            context.out().print("{}\n", shown(snapshot.key, options.is_whole));
        }
        return 0;
    }
    const auto format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::columns) {
        print_table(context, snapshots, options.is_whole);
        return 0;
    }
    Json rows = Json::array();
    for (const auto& snapshot : snapshots) {
        rows.push_back(row_of(snapshot, options.is_whole || format == cli::ListFormat::json));
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
    } else {
        cli::print_custom_list(context.out(), options.format, Json::object(), rows, true);
    }
    return 0;
}

}  // namespace

constinit const cli::Command snapshot_ls =
    cli::make_command<Options, declare, run>("List unpacked layers and containers' file systems");

}  // namespace nau::subcommands
