#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print which ports of containers are reachable, from where, and what on this host is in "
        "the way or claims otherwise. The status is 1 when something is.");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format);
}

int run(cli::Context& context, const Options& options) {
    const nlohmann::json found = engine::check_networks(context.engine());
    const int status = found.at("problems").empty() ? 0 : 1;
    if (!options.format.empty()) {
        cli::print_object(context.out(), options.format, found);
        return status;
    }
    cli::Table table;
    table.add_row({"CONTAINER", "PORT", "PUBLISHED ON", "REACHABLE"});
    for (const auto& port : found.at("published")) {
        table.add_row(
            {port.at("container"), port.at("port"), port.at("host"), port.at("reachable")});
    }
    context.out().write(table.text());
    for (const auto& problem : found.at("problems")) {
        context.out().print("problem: {}\n", problem.get<std::string>());
    }
    return status;
}

}  // namespace

constinit const cli::Command network_check =
    cli::make_command<Options, declare, run>("Print what is reachable and what is in the way");

}  // namespace nau::subcommands
