#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/listing.h"
#include "engine/registry/manifest_list.h"
#include "subcommands/flags/registry.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

namespace {

struct InspectOptions {
    std::string list;
    engine::RegistryFlags registry;
    bool is_ignored = false;
};

void declare_inspect(cli::FlagSet& flags, InspectOptions& options) {
    flags.description(
        "Print a manifest list, or the index or manifest that a registry has under the name, as "
        "JSON.");
    declare_registry_flags(flags, options.registry);
    flags.toggle("-v,--verbose", "All of it, as nau always prints it", options.is_ignored);
    flags.argument("LIST", options.list).completes(cli::Complete::image);
    flags.example("nau manifest inspect docker://alpine:3.20");
}

int run_inspect(cli::Context& context, const InspectOptions& options) {
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    const std::string bytes =
        engine::read_list(context.engine(), options.list, options.registry, stop.get_token());
    cli::print_json(context.out(), json::parse(bytes, options.list));
    return 0;
}

struct ExistsOptions {
    std::string list;
};

void declare_exists(cli::FlagSet& flags, ExistsOptions& options) {
    flags.description("Tell by the exit status whether a manifest list is here: 0 yes, 1 no.");
    flags.argument("LIST", options.list).completes(cli::Complete::image);
    flags.example("nau manifest exists app:1.0");
}

int run_exists(cli::Context& context, const ExistsOptions& options) {
    return engine::list_exists(context.engine(), options.list) ? 0 : 1;
}

}  // namespace

constinit const cli::Command manifest_inspect =
    cli::make_command<InspectOptions, declare_inspect, run_inspect>("Print a manifest list");
constinit const cli::Command manifest_exists =
    cli::make_command<ExistsOptions, declare_exists, run_exists>(
        "Tell whether a manifest list is here");

}  // namespace nau::subcommands
