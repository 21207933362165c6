#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/volume/secret.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {
    bool has_no_heading = false;
    bool only_ids = false;
    std::string format;
    Filters filters;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the secrets; what they hold is not shown.");
    declare_filters(flags, "-f,--filter", "List only those with KEY=VALUE", options.filters);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .ID .Name .Driver .CreatedAt .UpdatedAt .Labels.");
    flags.toggle("-n,--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("-q,--quiet", "Print ids only", options.only_ids);
}

Json fields_of(const engine::SecretSummary& secret, Time now) {
    return {{"ID", secret.id},
            {"Name", secret.name},
            {"Driver", "file"},
            {"CreatedAt", cli::human_age(secret.created, now)},
            {"UpdatedAt", cli::human_age(secret.updated, now)},
            {"Labels", secret.labels}};
}

int run(cli::Context& context, const Options& options) {
    if (options.only_ids && !options.format.empty()) {
        throw cli::UsageError("nau secret ls", "--quiet and --format exclude each other");
    }
    const auto secrets = engine::list_secrets(context.engine(), options.filters);
    if (options.only_ids) {
        for (const auto& secret : secrets) {
            context.out().write(secret.id + "\n");
        }
        return 0;
    }
    const Time now = context.now();
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::columns) {
        cli::Table table;
        if (!options.has_no_heading) {
            table.add_row({"ID", "NAME", "DRIVER", "CREATED", "UPDATED"});
        }
        for (const auto& secret : secrets) {
            table.add_row({secret.id,
                           secret.name,
                           "file",
                           cli::human_age(secret.created, now),
                           cli::human_age(secret.updated, now)});
        }
        context.out().write(table.text());
        return 0;
    }
    Json rows = Json::array();
    for (const auto& secret : secrets) {
        rows.push_back(fields_of(secret, now));
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
        return 0;
    }
    cli::print_custom_list(context.out(),
                           options.format,
                           {{"CreatedAt", "CREATED"}, {"UpdatedAt", "UPDATED"}},
                           rows,
                           !options.has_no_heading);
    return 0;
}

}  // namespace

constinit const cli::Command secret_ls = cli::make_command<Options, declare, run>("List secrets");

}  // namespace nau::subcommands
