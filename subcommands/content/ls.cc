#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "engine/store/blobs.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string format;
    bool only_digests = false;
    bool only_unreferenced = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List the blobs of the store: manifests, configs and layers as they were fetched, and "
        "unfinished ones.");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .Digest .Size .Bytes .Age .State .Referenced.");
    flags.toggle("-q,--quiet", "Print digests only", options.only_digests);
    flags.toggle("--unreferenced", "Only those that nothing needs", options.only_unreferenced);
    flags.example("nau content ls --unreferenced");
}

nlohmann::json row_of(const engine::BlobSummary& blob, Time now) {
    return {{"Digest", blob.digest},
            {"Size", cli::human_size(blob.size_bytes)},
            {"Bytes", blob.size_bytes},
            {"Age", cli::human_age(blob.modified, now)},
            {"Modified", format_rfc3339(blob.modified)},
            {"State", blob.is_partial ? "partial" : "complete"},
            {"Referenced", blob.is_referenced}};
}

void print_table(cli::Context& context, const nlohmann::json& rows) {
    cli::Table table;
    table.add_row({"DIGEST", "SIZE", "AGE", "STATE", "REFERENCED"});
    for (const auto& row : rows) {
        table.add_row({row["Digest"],
                       row["Size"],
                       row["Age"],
                       row["State"],
                       row["Referenced"].get<bool>() ? "yes" : "no"});
    }
    context.out().write(table.text());
}

int run(cli::Context& context, const Options& options) {
    auto blobs = engine::list_blobs(context.engine());
    if (options.only_unreferenced) {
        std::erase_if(blobs, [](const auto& blob) { return blob.is_referenced; });
    }
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& blob : blobs) {
        rows.push_back(row_of(blob, context.now()));
        if (options.only_digests) {
            context.out().print("{}\n", blob.digest);
        }
    }
    if (options.only_digests) {
        return 0;
    }
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, rows);
            break;
        case cli::ListFormat::json:
            cli::print_json(context.out(), rows);
            break;
        case cli::ListFormat::custom:
            cli::print_custom_list(
                context.out(), options.format, nlohmann::json::object(), rows, true);
            break;
    }
    return 0;
}

}  // namespace

constinit const cli::Command content_ls =
    cli::make_command<Options, declare, run>("List the blobs of the store");

}  // namespace nau::subcommands
