#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/listing.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print all that is known of networks as a JSON list, with the running containers in them.");
    flags.value("-f,--format",
                "TEMPLATE",
                "Print what a Go template says of each network, or json",
                options.format);
    flags.arguments("NETWORK", options.names);
    flags.example("nau network inspect --format '{{.subnets}}' blue");
}

int run(cli::Context& context, const Options& options) {
    nlohmann::json objects = nlohmann::json::array();
    const bool has_template = !options.format.empty() && options.format != "json";
    const int worst = cli::for_each_object(
        context,
        options.names,
        [&](const std::string& name) {
            nlohmann::json object = engine::inspect_network(context.engine(), name);
            if (has_template) {
                cli::print_object(context.out(), options.format, object);
            } else {
                objects.push_back(std::move(object));
            }
        },
        cli::exit_code_of);
    if (!has_template) {
        cli::print_json(context.out(), objects);
    }
    return worst;
}

}  // namespace

constinit const cli::Command network_inspect =
    cli::make_command<Options, declare, run>("Print all that is known of networks");

}  // namespace nau::subcommands
