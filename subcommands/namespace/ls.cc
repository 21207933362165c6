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
    bool only_names = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List namespaces: images, containers, volumes and networks of one are not seen in another; "
        "layers are shared. --namespace chooses one.");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .Name .Created .Labels .Images .Containers.");
    flags.toggle("-q,--quiet", "Print names only", options.only_names);
}

void print_table(cli::Context& context, const std::vector<engine::NamespaceSummary>& namespaces) {
    cli::Table table;
    table.add_row({"NAME", "CREATED", "IMAGES", "CONTAINERS", "LABELS"});
    for (const auto& each : namespaces) {
        std::string labels;
        for (const auto& [key, value] : each.labels) {
            labels += (labels.empty() ? "" : ",") + key + "=" + value;
        }
        table.add_row({each.name,
                       cli::human_age(each.created, context.now()),
                       std::to_string(each.image_count),
                       std::to_string(each.container_count),
                       labels});
    }
    context.out().write(table.text());
}

int run(cli::Context& context, const Options& options) {
    const auto namespaces = engine::list_namespaces(context.engine());
    if (options.only_names) {
        for (const auto& each : namespaces) {
            context.out().print("{}\n", each.name);
        }
        return 0;
    }
    Json rows = Json::array();
    for (const auto& each : namespaces) {
        rows.push_back({{"Name", each.name},
                        {"Created", format_rfc3339(each.created)},
                        {"Labels", each.labels},
                        {"Images", each.image_count},
                        {"Containers", each.container_count}});
    }
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, namespaces);
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

constinit const cli::Command namespace_ls =
    cli::make_command<Options, declare, run>("List namespaces");

}  // namespace nau::subcommands
