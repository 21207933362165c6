#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

constexpr size_t kShortId = 12;

struct Options {
    bool has_no_heading = false;
    bool only_names = false;
    bool has_whole_ids = false;
    std::string format;
    Filters filters;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the networks. The default network is made when it is first used.");
    declare_filters(flags, "-f,--filter", "List only those with KEY=VALUE", options.filters);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .ID .Name .Driver .Labels .Options .Created .Internal .IPv6Enabled "
            ".DNSEnabled .NetworkInterface. A template behind the word table is printed in "
            "columns.");
    flags.toggle("-n,--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("--no-trunc", "Print whole ids", options.has_whole_ids);
    flags.toggle("-q,--quiet", "Print names only", options.only_names);
    flags.example("nau network ls --filter driver=bridge");
}

Json fields_of(const Json& network, bool has_whole_ids) {
    const auto id = network.at("id").get<std::string>();
    return {{"ID", has_whole_ids ? id : id.substr(0, kShortId)},
            {"Name", network.at("name")},
            {"Driver", network.at("driver")},
            {"Labels", network.at("labels")},
            {"Options", network.at("options")},
            {"Created", network.at("created")},
            {"Internal", network.at("internal")},
            {"IPv6Enabled", network.at("ipv6_enabled")},
            {"DNSEnabled", network.at("dns_enabled")},
            {"NetworkInterface", network.at("network_interface")}};
}

int run(cli::Context& context, const Options& options) {
    if (options.only_names && !options.format.empty()) {
        throw cli::UsageError("nau network ls", "--quiet and --format exclude each other");
    }
    const auto networks = engine::list_networks(context.engine(), options.filters);
    if (options.only_names) {
        for (const auto& network : networks) {
            context.out().write(network.at("name").get<std::string>() + "\n");
        }
        return 0;
    }
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), Json(networks));
        return 0;
    }
    Json rows = Json::array();
    for (const auto& network : networks) {
        rows.push_back(fields_of(network, options.has_whole_ids));
    }
    if (format == cli::ListFormat::custom) {
        cli::print_custom_list(
            context.out(), options.format, {{"ID", "NETWORK ID"}}, rows, !options.has_no_heading);
        return 0;
    }
    cli::Table table;
    if (!options.has_no_heading) {
        table.add_row({"NETWORK ID", "NAME", "DRIVER"});
    }
    for (const auto& row : rows) {
        table.add_row({row.at("ID"), row.at("Name"), row.at("Driver")});
    }
    context.out().write(table.text());
    return 0;
}

}  // namespace

constinit const cli::Command network_ls = cli::make_command<Options, declare, run>("List networks");

}  // namespace nau::subcommands
