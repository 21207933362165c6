#include "subcommands/system/metrics.h"

#include "cli/context.h"
#include "cli/service.h"
#include "cli/usage_error.h"
#include "engine/metrics/metrics.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::string file;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print figures of containers and of the store in the text format of Prometheus. Under a "
        "socket "
        "unit of systemd it answers one HTTP request instead.");
    flags
        .value("--textfile",
               "FILE",
               "Write them to this file, for node_exporter's collector",
               options.file)
        .completes(cli::Complete::file)
        .explain("The file is replaced in one step, so that nobody reads half of it.");
    flags.example("nau metrics --textfile /var/lib/node_exporter/textfile_collector/nau.prom");
}

int run(cli::Context& context, const Options& options) {
    constexpr int kFirstDescriptor = 3;
    if (const auto manager = cli::caller_service_manager(context); manager.listening > 0) {
        if (!options.file.empty() || manager.listening > 1) {
            throw cli::UsageError("nau metrics",
                                  "one socket is answered, and no file written with it");
        }
        engine::answer_http_request(context.engine(), kFirstDescriptor);
        return 0;
    }
    const std::string text = engine::metrics_text(context.engine());
    if (!options.file.empty()) {
        engine::write_metrics_file(options.file, text);
        return 0;
    }
    context.out().write(text);
    return 0;
}

}  // namespace

constinit const cli::Command metrics =
    cli::make_command<Options, declare, run>("Print figures for Prometheus");

}  // namespace nau::subcommands
