#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/volume/volume.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {
    bool has_no_heading = false;
    bool only_names = false;
    std::string format;
    Filters filters;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the volumes.");
    declare_filters(flags, "-f,--filter", "List only those with KEY=VALUE", options.filters);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .Name .Driver .Mountpoint .CreatedAt .Labels .Options .Scope .Anonymous "
            ".MountCount. A template behind the word table is printed in columns.");
    flags.toggle("-n,--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("-q,--quiet", "Print names only", options.only_names);
    flags.example("nau volume ls --filter dangling=true");
}

Json fields_of(const engine::VolumeSummary& volume) {
    return {{"Name", volume.name},
            {"VolumeName", volume.name},
            {"Driver", volume.driver},
            {"Mountpoint", volume.mount_point},
            {"CreatedAt", format_rfc3339(volume.created)},
            {"Labels", volume.labels},
            {"Options", volume.options},
            {"Scope", "local"},
            {"Anonymous", volume.is_anonymous},
            {"MountCount", volume.user_count}};
}

int run(cli::Context& context, const Options& options) {
    if (options.only_names && !options.format.empty()) {
        throw cli::UsageError("nau volume ls", "--quiet and --format exclude each other");
    }
    const auto volumes = engine::list_volumes(context.engine(), options.filters);
    if (options.only_names) {
        for (const auto& volume : volumes) {
            context.out().write(volume.name + "\n");
        }
        return 0;
    }
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::columns) {
        cli::Table table;
        if (!options.has_no_heading) {
            table.add_row({"DRIVER", "VOLUME NAME"});
        }
        for (const auto& volume : volumes) {
            table.add_row({volume.driver, volume.name});
        }
        context.out().write(table.text());
        return 0;
    }
    Json rows = Json::array();
    for (const auto& volume : volumes) {
        rows.push_back(fields_of(volume));
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
        return 0;
    }
    cli::print_custom_list(context.out(),
                           options.format,
                           {{"Name", "VOLUME NAME"}, {"CreatedAt", "CREATED AT"}},
                           rows,
                           !options.has_no_heading);
    return 0;
}

}  // namespace

constinit const cli::Command volume_ls = cli::make_command<Options, declare, run>("List volumes");

}  // namespace nau::subcommands
