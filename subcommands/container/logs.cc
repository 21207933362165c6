#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/human.h"
#include "cli/output.h"
#include "engine/container/container_logs.h"
#include "subcommands/container/selection.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    bool is_latest = false;
    bool has_times = false;
    bool has_names = false;
    bool has_colors = false;
    std::string since;
    std::string until;
    engine::ContainerLogsOptions logs;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print what containers have written: their output to standard output, their errors to "
        "standard error.");
    flags.toggle("-f,--follow", "Go on until the containers end", options.logs.follows)
        .explain(
            "Of several containers, what they had written before comes first, one after the "
            "other.");
    flags.value("--since", "TIME", "Begin at this time, or so long ago, such as 10m", options.since)
        .explain(
            "A time is 2026-11-23T20:57:42Z, a part of it from the left, or seconds since "
            "the epoch; without a zone it is UTC.");
    flags.value("--until", "TIME", "End at this time, or so long ago", options.until);
    flags
        .parsed("-n,--tail",
                "NUMBER",
                "Begin with the last so many lines",
                [&options](std::string_view text) {
                    if (text == "all" || text == "-1") {
                        options.logs.tail.reset();
                        return;
                    }
                    const auto number = parse_uint64(text);
                    if (!number) {
                        throw Error(ErrorKind::invalid, "is neither a number nor all")
                            .with_hint("-n is docker's --tail; names are printed by --names");
                    }
                    options.logs.tail = *number;
                })
        .defaults_to("all");
    flags.toggle("-t,--timestamps", "Print the time before each line", options.has_times);
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    flags.toggle("--names", "Print the container's name before each line", options.has_names)
        .explain("Without it, lines of several containers have the id in front.");
    flags.toggle("--color", "Print names and ids in colors", options.has_colors);
    flags.arguments("CONTAINER", options.names).optional().completes(cli::Complete::container);
    flags.usage("CONTAINER...");
    flags.example("nau logs -f --tail 100 web");
    flags.example("nau logs -f --names --color web db");
}

/// What stands before the lines of each container.
std::vector<std::string> make_prefixes(const Options& options,
                                       const std::vector<engine::LogSource>& sources) {
    constexpr size_t kShortId = 12;
    constexpr int kColors = 6;  // 31 … 36: those that can be read on black and on white
    std::vector<std::string> prefixes(sources.size());
    if (sources.size() < 2 && !options.has_names && !options.has_colors) {
        return prefixes;
    }
    for (size_t i = 0; i < sources.size(); ++i) {
        const std::string word =
            options.has_names ? sources[i].name : sources[i].id.substr(0, kShortId);
        prefixes[i] = options.has_colors ? fmt::format("\x1b[{}m{}\x1b[0m ", 31 + i % kColors, word)
                                         : word + " ";
    }
    return prefixes;
}

/// Both streams, each gathered; whichever changes is written after the other, to keep their order.
class LogPrinter {
  public:
    LogPrinter(cli::Output& out, std::vector<std::string> prefixes, bool has_times)
        : out_(out), prefixes_(std::move(prefixes)), has_times_(has_times) {}

    bool print(const engine::LogLine& line) {
        cli::Output& target = line.stream == engine::LogStream::out ? out_ : errors_;
        if (last_ != nullptr && last_ != &target) {
            last_->flush();
        }
        last_ = &target;
        if (line.begins_line) {
            target.write(prefixes_[line.source]);
        }
        if (has_times_ && line.begins_line) {
            target.write(format_rfc3339(line.time));
            target.write(" ");
        }
        target.write(line.text);
        if (!line.is_partial) {
            target.write("\n");
        }
        return true;
    }

    void flush() {
        out_.flush();
        errors_.flush();
    }

  private:
    cli::Output& out_;
    cli::Output errors_{STDERR_FILENO};
    cli::Output* last_ = nullptr;
    std::vector<std::string> prefixes_;
    bool has_times_;
};

int run(cli::Context& context, const Options& options) {
    engine::ContainerLogsOptions wanted = options.logs;
    if (!options.since.empty()) {
        wanted.since = cli::parse_moment(options.since, context.now());
    }
    if (!options.until.empty()) {
        wanted.until = cli::parse_moment(options.until, context.now());
    }
    const auto sources = engine::find_log_sources(
        context.engine(),
        selected_containers(context,
                            {.names = options.names, .is_latest = options.is_latest},
                            "nau logs",
                            AllOf::any));
    LogPrinter printer(context.out(), make_prefixes(options, sources), options.has_times);
    engine::read_container_logs(
        context.engine(),
        sources,
        wanted,
        [&](const engine::LogLine& line) { return printer.print(line); },
        [&] { printer.flush(); });
    printer.flush();
    return 0;
}

}  // namespace

constinit const cli::Command logs =
    cli::make_command<Options, declare, run>("Print what containers have written");

}  // namespace nau::subcommands
