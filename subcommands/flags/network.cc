#include "base/error.h"
#include "base/log.h"
#include "engine/network/resolver_options.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

void declare_connection_flags(cli::FlagSet& flags, engine::NetworkOptions& network) {
    const auto apply = [&network](std::string_view text) {
        engine::apply_network_flag(text, network);
    };
    flags
        .parsed("--network",
                "NETWORK",
                "Connect to a network, or none, host, container:NAME, ns:PATH",
                apply)
        .repeatable()
        .explain(
            "A network's name may be followed by options: NAME:ip=ADDRESS,mac=ADDRESS,alias=NAME,"
            "interface_name=NAME. Given several times, the container is in several networks. The "
            "default is default_network of nau.conf(5), or else bridge: nau's own network. none "
            "has a loopback interface only.");
    flags.parsed("--net", "NETWORK", "The same as --network", apply).repeatable().hidden();
    flags.parsed("--ip",
                 "ADDRESS",
                 "Give the container this IPv4 address",
                 [&network](std::string_view text) {
                     engine::check_ipv4_address(text);
                     network.address = text;
                 });
    flags.parsed("--ip6",
                 "ADDRESS",
                 "Give the container this IPv6 address",
                 [&network](std::string_view text) {
                     engine::check_ipv6_address(text);
                     network.address6 = text;
                 });
    flags.value("--mac-address", "ADDRESS", "Give the interface this MAC address", network.mac);
    flags.list("--network-alias",
               "NAME",
               "Further name by which other containers of its networks find it",
               network.aliases);
    flags
        .parsed("--link",
                "CONTAINER[:ALIAS]",
                "Accepted with a warning: containers of one network find each other by name",
                [](std::string_view text) {
                    NAU_LOG_WARN(
                        "--link {} does nothing: containers of one network find each other by "
                        "name, and by --network-alias",
                        text);
                })
        .repeatable();
}

void declare_port_flags(cli::FlagSet& flags, engine::NetworkOptions& network) {
    flags
        .parsed("-p,--publish",
                "PORT",
                "Make a port reachable: [[ADDRESS:]HOST:]CONTAINER[/udp|/sctp]",
                [&network](std::string_view text) {
                    network.ports.push_back(engine::parse_publish_flag(text));
                })
        .repeatable()
        .explain(
            "Without HOST a free port is chosen. Both may be ranges of the same length, as in "
            "8000-8010:80-90. Without ADDRESS the port is reachable over all of the host's IPv4 "
            "and IPv6 addresses, or over default_publish_address of nau.conf(5).");
    flags.toggle("-P,--publish-all",
                 "Publish all exposed ports of the image on free ports of the host",
                 network.publishes_all);
    flags
        .parsed("--expose",
                "PORT",
                "Name a port, or a range, that --publish-all publishes as well",
                [&network](std::string_view text) {
                    network.exposed_ports.push_back(engine::parse_expose_flag(text));
                })
        .repeatable();
}

void declare_resolver_flags(cli::FlagSet& flags, engine::NetworkOptions& network) {
    const auto add_to = [](std::vector<std::string>& words) {
        return [&words](std::string_view text) {
            engine::check_resolver_word(text);
            words.emplace_back(text);
        };
    };
    flags
        .parsed("--dns",
                "ADDRESS",
                "Ask this name server; none leaves /etc/resolv.conf as the image has it",
                [&network](std::string_view text) {
                    network.dns_servers.push_back(engine::parse_dns_flag(text));
                })
        .repeatable();
    flags
        .parsed("--dns-search",
                "DOMAIN",
                "Search domain in the container's /etc/resolv.conf",
                add_to(network.dns_search))
        .repeatable();
    flags
        .parsed("--dns-option",
                "OPTION",
                "Option in the container's /etc/resolv.conf",
                add_to(network.dns_options))
        .repeatable();
    flags.parsed("--dns-opt", "OPTION", "The same", add_to(network.dns_options))
        .repeatable()
        .hidden();
}

}  // namespace

void declare_network_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& network = create.options.network;
    flags.section("Network");
    declare_connection_flags(flags, network);
    declare_port_flags(flags, network);
    flags.parsed("-h,--hostname",
                 "NAME",
                 "Host name in the container; otherwise the beginning of its id",
                 [&network](std::string_view text) {
                     engine::check_hostname(text);
                     network.hostname = std::string(text);
                 });
    flags.value("--domainname", "NAME", "NIS domain name in the container", network.domainname);
    flags
        .parsed("--add-host",
                "NAME:ADDRESS",
                "Add a line to the container's /etc/hosts",
                [&network](std::string_view text) {
                    for (auto& host : engine::parse_add_host_flag(text)) {
                        network.add_hosts.push_back(std::move(host));
                    }
                })
        .repeatable();
    flags.toggle(
        "--no-hostname", "Leave /etc/hostname as the image has it", network.omits_hostname_file);
    flags.toggle("--no-hosts", "Leave /etc/hosts as the image has it", network.omits_hosts_file);
    flags
        .value("--hosts-file",
               "FILE",
               "Begin the container's /etc/hosts with this file, or with none, or with image's own",
               network.hosts_file)
        .completes(cli::Complete::file);
    declare_resolver_flags(flags, network);
}

void check_network(const engine::CreateOptions& options) {
    const bool is_shared = options.network.mode.starts_with("container:");
    if (is_shared && !options.network.add_hosts.empty()) {
        throw Error(ErrorKind::invalid,
                    "--add-host and --network=container: contradict each other");
    }
    engine::check_network_options(options.network);
    if (options.network.omits_hosts_file && !options.network.add_hosts.empty()) {
        throw Error(ErrorKind::invalid, "--no-hosts and --add-host contradict each other");
    }
    if (options.uts_mode == "host" && options.network.hostname) {
        throw Error(ErrorKind::invalid, "--hostname and --uts=host contradict each other");
    }
    const bool has_own_network = options.network.mode != "host" && !is_shared;
    const bool has_own_ipc =
        options.ipc_mode != "host" && !options.ipc_mode.starts_with("container:");
    for (const auto& [key, value] : options.sysctls) {
        if (key.starts_with("net.") && !has_own_network) {
            throw Error(ErrorKind::invalid,
                        "--sysctl {} would change the network that --network={} shares",
                        key,
                        options.network.mode);
        }
        if ((key.starts_with("kernel.") || key.starts_with("fs.mqueue.")) && !has_own_ipc) {
            throw Error(ErrorKind::invalid,
                        "--sysctl {} would change what --ipc={} shares",
                        key,
                        options.ipc_mode);
        }
    }
}

}  // namespace nau::subcommands
