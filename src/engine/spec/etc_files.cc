#include "engine/spec/etc_files.h"

#include <string_view>

#include <fmt/core.h>

#include "base/parse.h"

namespace nau::engine {

namespace {

bool is_loopback_address(std::string_view address) noexcept {
    return address.starts_with("127.") || address == "::1";
}

std::string join(const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) {
        line += (line.empty() ? "" : " ") + word;
    }
    return line;
}

/// First word and rest of a resolv.conf line; empty for comments.
std::pair<std::string_view, std::string_view> keyword_of(std::string_view line) noexcept {
    line = trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
        return {};
    }
    const size_t blank = line.find_first_of(" \t");
    if (blank == line.npos) {
        return {line, {}};
    }
    return {line.substr(0, blank), trim(line.substr(blank))};
}

}  // namespace

bool names_reachable_server(std::string_view resolv_conf) {
    for (const auto line : split(resolv_conf, '\n')) {
        const auto [keyword, value] = keyword_of(line);
        if (keyword == "nameserver" && !is_loopback_address(value)) {
            return true;
        }
    }
    return false;
}

std::string make_hostname_file(const EtcFileInputs& inputs) {
    return inputs.host_name + "\n";
}

std::string make_hosts_file(const EtcFileInputs& inputs) {
    std::string text;
    for (const auto& [name, given] : inputs.add_hosts) {
        const std::string& address = given == "host-gateway" ? inputs.host_address : given;
        if (!address.empty()) {
            text += fmt::format("{}\t{}\n", address, name);
        }
    }
    text += inputs.base_hosts;
    if (!text.empty() && text.back() != '\n') {
        text += '\n';
    }
    const std::string host_line =
        inputs.host_address.empty()
            ? ""
            : fmt::format("{}\thost.containers.internal host.docker.internal\n",
                          inputs.host_address);
    if (inputs.network_mode == "host" && !inputs.host_hosts.empty()) {
        text += inputs.host_hosts;
        return text + (text.ends_with('\n') ? "" : "\n") + host_line;
    }
    text += "127.0.0.1\tlocalhost localhost.localdomain localhost4\n";
    text += "::1\tlocalhost localhost.localdomain localhost6\n";
    text += host_line;
    std::string names = inputs.host_name;
    if (!inputs.container_name.empty() && inputs.container_name != inputs.host_name) {
        names += " " + inputs.container_name;
    }
    for (const auto& address : inputs.own_addresses) {
        text += fmt::format("{}\t{}\n", address, names);
    }
    return inputs.own_addresses.empty() ? text + fmt::format("127.0.1.1\t{}\n", names) : text;
}

std::string make_resolv_conf(const EtcFileInputs& inputs) {
    const bool shares_host_network = inputs.network_mode == "host";
    std::string servers;
    std::string search;
    std::string options;
    for (const auto line : split(inputs.host_resolv_conf, '\n')) {
        const auto [keyword, value] = keyword_of(line);
        if (keyword == "nameserver" && (shares_host_network || !is_loopback_address(value))) {
            servers += fmt::format("nameserver {}\n", value);
        } else if (keyword == "search" || keyword == "domain") {
            search = fmt::format("search {}\n", value);
        } else if (keyword == "options") {
            options = fmt::format("options {}\n", value);
        }
    }
    if (!inputs.name_servers.empty()) {
        // These know the containers, and ask for everything else themselves.
        servers.clear();
        for (const auto& server : inputs.name_servers) {
            servers += fmt::format("nameserver {}\n", server);
        }
        // A bare name is first of all a container's.
        options = "options ndots:0\n";
    } else if (!inputs.dns_servers.empty()) {
        servers.clear();
        for (const auto& server : inputs.dns_servers) {
            servers += fmt::format("nameserver {}\n", server);
        }
    }
    if (!inputs.dns_search.empty()) {
        // "." means: no search list at all.
        search = inputs.dns_search == std::vector<std::string>{"."}
                     ? ""
                     : fmt::format("search {}\n", join(inputs.dns_search));
    }
    if (!inputs.dns_options.empty()) {
        options = fmt::format("options {}\n", join(inputs.dns_options));
    }
    return search + servers + options;
}

}  // namespace nau::engine
