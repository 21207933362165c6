#include "base/error.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"
#include "engine/network/networks.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string container;
    std::string port;
    bool is_latest = false;
    bool is_all = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Print which ports of a container are published, and where.");
    flags.toggle("-a,--all", "Of all containers", options.is_all);
    flags.toggle("-l,--latest", "Of the container that was created last", options.is_latest);
    flags.argument("CONTAINER", options.container).optional().completes(cli::Complete::container);
    flags.argument("PORT[/PROTOCOL]", options.port).optional();
    flags.usage("CONTAINER [PORT[/PROTOCOL]]");
    flags.example("nau port web 80");
}

void print_ports(cli::Context& context, const std::string& name, std::string_view heading) {
    for (const auto& mapping : engine::container_ports(context.engine(), name)) {
        context.out().print("{}{} -> {}\n", heading, mapping.container, mapping.host);
    }
}

int run(cli::Context& context, const Options& options) {
    if (options.is_all) {
        for (const auto& container : engine::list_containers(context.engine(), {})) {
            if (!container.ports.empty()) {
                print_ports(context, container.id, container.id.substr(0, 12) + "\t");
            }
        }
        return 0;
    }
    const std::string name =
        options.is_latest ? engine::latest_container_id(context.engine()) : options.container;
    const std::string& wanted = options.is_latest ? options.container : options.port;
    if (name.empty()) {
        throw cli::UsageError("nau port", "'nau port' needs a CONTAINER");
    }
    if (wanted.empty()) {
        print_ports(context, name, "");
        return 0;
    }
    const std::string port = wanted.find('/') == std::string::npos ? wanted + "/tcp" : wanted;
    bool is_found = false;
    for (const auto& mapping : engine::container_ports(context.engine(), name)) {
        if (mapping.container == port) {
            context.out().print("{}\n", mapping.host);
            is_found = true;
        }
    }
    if (!is_found) {
        throw Error(ErrorKind::not_found, "port {} of container '{}' is not published", port, name);
    }
    return 0;
}

}  // namespace

constinit const cli::Command port =
    cli::make_command<Options, declare, run>("Print published ports");

}  // namespace nau::subcommands
