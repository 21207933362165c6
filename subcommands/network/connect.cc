#include "base/error.h"
#include "cli/context.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct ConnectOptions {
    engine::NetworkRequest network;
    std::string address;
    std::string address6;
    std::string container;
};

void declare_connect(cli::FlagSet& flags, ConnectOptions& options) {
    flags.description(
        "Connect a container to a further network: at once if it runs, else when it starts.");
    flags.list("--alias", "NAME", "Further name by which others find it", options.network.aliases);
    flags.parsed("--ip", "ADDRESS", "Give it this IPv4 address", [&options](std::string_view text) {
        engine::check_ipv4_address(text);
        options.address = text;
    });
    flags.parsed(
        "--ip6", "ADDRESS", "Give it this IPv6 address", [&options](std::string_view text) {
            engine::check_ipv6_address(text);
            options.address6 = text;
        });
    flags.value(
        "--mac-address", "ADDRESS", "Give the interface this MAC address", options.network.mac);
    flags.argument("NETWORK", options.network.name);
    flags.argument("CONTAINER", options.container).completes(cli::Complete::container);
}

int run_connect(cli::Context& context, const ConnectOptions& options) {
    engine::NetworkRequest request = options.network;
    for (const auto& address : {options.address, options.address6}) {
        if (!address.empty()) {
            request.addresses.push_back(address);
        }
    }
    engine::connect_network(context.engine(), request, options.container);
    return 0;
}

struct DisconnectOptions {
    std::string network;
    std::string container;
    bool is_forced = false;
};

void declare_disconnect(cli::FlagSet& flags, DisconnectOptions& options) {
    flags.description("Take a container out of a network, at once if it runs.");
    flags.toggle(
        "-f,--force", "Do not fail if the container is not in the network", options.is_forced);
    flags.argument("NETWORK", options.network);
    flags.argument("CONTAINER", options.container).completes(cli::Complete::container);
}

int run_disconnect(cli::Context& context, const DisconnectOptions& options) {
    engine::disconnect_network(
        context.engine(), options.network, options.container, options.is_forced);
    return 0;
}

}  // namespace

constinit const cli::Command network_connect =
    cli::make_command<ConnectOptions, declare_connect, run_connect>(
        "Connect a container to a network");
constinit const cli::Command network_disconnect =
    cli::make_command<DisconnectOptions, declare_disconnect, run_disconnect>(
        "Take a container out of a network");

}  // namespace nau::subcommands
