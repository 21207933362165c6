#include "base/log.h"
#include "cli/context.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> containers;
    bool is_all = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Set up firewall rules, bridges, published ports and name servers of all running "
        "containers anew, after something has removed them.");
    flags.toggle("-a,--all", "All containers, as always", options.is_all);
    flags.arguments("CONTAINER", options.containers)
        .optional()
        .completes(cli::Complete::running_container);
}

int run(cli::Context& context, const Options& /*options*/) {
    for (const auto& warning : engine::reload_networks(context.engine())) {
        NAU_LOG_WARN("{}, ignoring", warning);
    }
    return 0;
}

}  // namespace

constinit const cli::Command network_reload =
    cli::make_command<Options, declare, run>("Set up the rules of all networks anew");

}  // namespace nau::subcommands
