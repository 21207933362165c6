#pragma once

// /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, as text. Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nau::engine {

struct EtcFileInputs {
    std::string network_mode;  ///< none, host, …
    std::string host_name;
    std::string container_name;
    std::vector<std::pair<std::string, std::string>> add_hosts;
    std::vector<std::string> dns_servers;
    std::vector<std::string> dns_search;
    std::vector<std::string> dns_options;
    std::string host_resolv_conf;                 ///< the host's file; empty when it has none
    std::string base_hosts;                       ///< --hosts-file: what the file begins with
    std::string host_hosts;                       ///< the host's file; used with the host's network
    std::vector<std::string> own_addresses = {};  ///< in networks; empty: loopback has to do
    std::vector<std::string> name_servers = {};   ///< of nau's, for the names of containers
    std::string host_address = {};  ///< by which the container reaches the host; empty: it cannot
};

/// Whether a resolv.conf names a server that is not on a loopback address.
bool names_reachable_server(std::string_view resolv_conf);

std::string make_hostname_file(const EtcFileInputs& inputs);
std::string make_hosts_file(const EtcFileInputs& inputs);
/// The host's, with what the user set in place of the corresponding lines. Name servers on loopback
/// addresses are left out where the container has a network of its own, since there they are
/// nobody.
std::string make_resolv_conf(const EtcFileInputs& inputs);

}  // namespace nau::engine
