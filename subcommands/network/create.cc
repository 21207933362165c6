#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CreateNetworkOptions network;
};

std::pair<std::string, std::string> parse_pair(std::string_view text) {
    const auto pair = split_once(text, '=');
    if (!pair || pair->first.empty()) {
        throw Error(ErrorKind::invalid, "is not KEY=VALUE");
    }
    return {std::string(pair->first), std::string(pair->second)};
}

void declare_addresses(cli::FlagSet& flags, engine::CreateNetworkOptions& network) {
    flags.list("--subnet", "PREFIX", "Give out addresses of this subnet", network.subnets)
        .explain(
            "At most one of IPv4 and any of IPv6; without one, a subnet is chosen that the host "
            "has no route to.");
    flags.list("--gateway", "ADDRESS", "The host's own address in a subnet", network.gateways);
    flags.list(
        "--ip-range", "RANGE", "Give out only these, a prefix or FIRST-LAST", network.ranges);
    flags.toggle("--ipv6", "Give out IPv6 addresses as well", network.has_ipv6);
    flags
        .parsed("--ipam-driver",
                "DRIVER",
                "Who gives out addresses: host-local (nau), or none",
                [&network](std::string_view text) {
                    if (text != "host-local" && text != "default" && text != "none") {
                        throw Error(ErrorKind::unsupported, "there is no ipam driver '{}'", text)
                            .with_hint("drivers are host-local and none");
                    }
                    network.has_addresses = text != "none";
                })
        .explain("With none, containers have no address unless they find one themselves.");
    flags.list(
        "--route", "DESTINATION,GATEWAY[,METRIC]", "Add a route in each container", network.routes);
}

void declare(cli::FlagSet& flags, Options& options) {
    auto& network = options.network;
    flags.description(
        "Make a network and print its name. Containers in it find each other by name; those of "
        "different networks do not reach each other.");
    flags.value("-d,--driver", "DRIVER", "How containers are connected", network.driver)
        .defaults_to("bridge")
        .one_of({"bridge", "macvlan", "ipvlan"});
    declare_addresses(flags, network);
    flags.toggle("--internal", "Let nothing in or out", network.is_internal);
    flags.toggle(
        "--disable-dns", "Do not let containers find each other by name", network.omits_dns);
    flags.list("--dns", "ADDRESS", "Ask this server for names of the world", network.dns_servers);
    flags.value("--interface-name",
                "NAME",
                "The bridge, or with macvlan and ipvlan the host's interface",
                network.interface_name);
    flags.toggle("--ignore", "Do not fail if the network exists", network.ignores_existing);
    flags
        .parsed("--label",
                "KEY[=VALUE]",
                "Attach a label",
                [&network](std::string_view text) {
                    const auto pair = split_once(text, '=');
                    network.labels.insert_or_assign(std::string(pair ? pair->first : text),
                                                    std::string(pair ? pair->second : ""));
                })
        .repeatable();
    flags
        .parsed("-o,--opt",
                "KEY=VALUE",
                "Set an option of the driver",
                [&network](std::string_view text) { network.options.push_back(parse_pair(text)); })
        .repeatable()
        .explain(
            "mtu=BYTES, metric=NUMBER (of the default route), no_default_route=true, "
            "com.docker.network.container_iface_prefix=PREFIX; with bridge isolate=false "
            "(containers of other networks that are not isolated either get through), vlan=ID, "
            "and docker's com.docker.network.driver.mtu and com.docker.network.bridge.name, "
            ".enable_icc, .enable_ip_masquerade and .host_binding_ipv4; with macvlan and ipvlan "
            "parent=INTERFACE and mode=MODE.");
    flags.argument("NAME", network.name);
    flags.example("nau network create --subnet 10.5.0.0/24 --ipv6 blue");
}

int run(cli::Context& context, const Options& options) {
    context.out().print("{}\n", engine::create_network(context.engine(), options.network));
    return 0;
}

}  // namespace

constinit const cli::Command network_create =
    cli::make_command<Options, declare, run>("Make a network");

}  // namespace nau::subcommands
