#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "engine/store/namespaces.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {
    std::string format;
    bool only_ids = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List leases: what a pull or load has fetched is kept by one until the image is complete, "
        "and after a pull that was killed until it expires.");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .ID .Created .Expires .Pid .Held .Blobs .Snapshots.");
    flags.toggle("-q,--quiet", "Print ids only", options.only_ids);
}

void print_table(cli::Context& context, const std::vector<engine::LeaseSummary>& leases) {
    cli::Table table;
    table.add_row({"ID", "CREATED", "EXPIRES", "HELD BY", "BLOBS", "SNAPSHOTS"});
    for (const auto& lease : leases) {
        table.add_row({lease.id,
                       cli::human_age(lease.created, context.now()),
                       format_rfc3339(lease.expires),
                       lease.is_held ? std::to_string(lease.holder_pid) : "",
                       std::to_string(lease.blob_count),
                       std::to_string(lease.snapshot_count)});
    }
    context.out().write(table.text());
}

int run(cli::Context& context, const Options& options) {
    const auto leases = engine::list_leases(context.engine());
    Json rows = Json::array();
    for (const auto& lease : leases) {
        if (options.only_ids) {
            context.out().print("{}\n", lease.id);
        }
        rows.push_back({{"ID", lease.id},
                        {"Created", format_rfc3339(lease.created)},
                        {"Expires", format_rfc3339(lease.expires)},
                        {"Pid", lease.holder_pid},
                        {"Held", lease.is_held},
                        {"Blobs", lease.blob_count},
                        {"Snapshots", lease.snapshot_count}});
    }
    if (options.only_ids) {
        return 0;
    }
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, leases);
            break;
        case cli::ListFormat::json:
            cli::print_json(context.out(), rows);
            break;
        case cli::ListFormat::custom:
            cli::print_custom_list(context.out(), options.format, Json::object(), rows, true);
            break;
    }
    return 0;
}

}  // namespace

constinit const cli::Command lease_ls = cli::make_command<Options, declare, run>("List leases");

}  // namespace nau::subcommands
