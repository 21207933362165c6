#include <chrono>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/parse.h"
#include "cli/context.h"
#include "engine/oci_runtime/statistics.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string id;
    std::chrono::nanoseconds interval = std::chrono::seconds(5);
    bool only_statistics = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print figures of a container and its ends by the OOM killer as JSON lines, until it "
        "ends.");
    flags.toggle("--stats", "Print the figures once and leave", options.only_statistics);
    flags
        .parsed("--interval",
                "DURATION",
                "Time between two lines of figures",
                [&options](std::string_view text) {
                    options.interval = parse_duration(text);
                    if (options.interval <= std::chrono::nanoseconds::zero()) {
                        throw Error(ErrorKind::invalid, "is not longer than nothing");
                    }
                })
        .defaults_to("5s");
    runtime::declare_globals(flags, options.globals);
    flags.argument("ID", options.id);
    flags.example("nau runtime events --stats web");
}

int run(cli::Context& context, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        const std::string root = runtime::state_root(options.globals);
        const auto tell = [&](const nlohmann::json& event) {
            context.out().print("{}\n", json::to_text(event));
            context.out().flush();
        };
        if (options.only_statistics) {
            tell(engine::oci_runtime::read_statistics(root, options.id));
        } else {
            engine::oci_runtime::follow_events(root, options.id, options.interval, tell);
        }
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_events =
    cli::make_command<Options, declare, run>("Print figures and OOM events of a container");

}  // namespace nau::subcommands
