#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/interval.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/container/container_stats.h"
#include "engine/container/containers.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using engine::ContainerStats;
using Json = nlohmann::json;

struct Options {
    std::vector<std::string> names;
    bool is_all = false;
    bool is_latest = false;
    bool does_not_stream = false;
    bool does_not_reset = false;
    bool is_whole = false;
    std::optional<uint64_t> interval_seconds;
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Show what running containers use: processors, memory, network, block devices, processes. "
        "Without a name, of all that run. The first figures of processors are averages since the "
        "start, later ones since the last.");
    flags.toggle("-a,--all", "Show those that do not run as well, without figures", options.is_all);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .ID .Name .CPUPerc .AvgCPU .CPU .MemUsage .MemPerc .MemUsageBytes .NetIO "
            ".BlockIO .PIDs .CPUNano .UpTime .MemLimit .NetInput .NetOutput .BlockInput "
            ".BlockOutput. A template behind the word table is printed in columns.");
    flags
        .value(
            "-i,--interval", "SECONDS", "Show new figures after so long", options.interval_seconds)
        .defaults_to("5");
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
    flags.toggle("--no-reset", "Do not clear the screen between figures", options.does_not_reset);
    flags.toggle("--no-stream", "Show figures once", options.does_not_stream);
    flags.toggle("--no-trunc", "Do not shorten ids", options.is_whole);
    flags.arguments("CONTAINER", options.names)
        .optional()
        .completes(cli::Complete::running_container);
    flags.example("nau stats --no-stream --format '{{.Name}} {{.MemUsage}}'");
}

std::string pair_of_sizes(uint64_t first, uint64_t second) {
    return fmt::format("{} / {}", cli::human_size(first), cli::human_size(second));
}

std::string percent(double value) {
    return fmt::format("{:.2f}%", value);
}

std::string seconds_text(std::chrono::nanoseconds span) {
    return fmt::format("{:.3f}s", std::chrono::duration<double>(span).count());
}

Json template_fields(const ContainerStats& stats, bool is_whole) {
    const std::string id = is_whole ? stats.id : stats.id.substr(0, 12);
    return {{"ID", id},
            {"Container", id},
            {"ContainerID", id},
            {"Name", stats.name},
            {"CPUPerc", percent(stats.cpu_percent)},
            {"CPU", stats.cpu_percent},
            {"AVGCPU", percent(stats.average_cpu_percent)},
            {"AvgCPU", stats.average_cpu_percent},
            {"CPUNano", stats.cpu.count()},
            {"UpTime", seconds_text(stats.running)},
            {"Up", seconds_text(stats.running)},
            {"MemUsage", pair_of_sizes(stats.memory_bytes, stats.memory_limit_bytes)},
            {"MemUsageBytes", stats.memory_bytes},
            {"MemPerc", percent(stats.memory_percent())},
            {"MemLimit", stats.memory_limit_bytes},
            {"NetIO", pair_of_sizes(stats.network_input_bytes, stats.network_output_bytes)},
            {"NetInput", stats.network_input_bytes},
            {"NetOutput", stats.network_output_bytes},
            {"BlockIO", pair_of_sizes(stats.block_input_bytes, stats.block_output_bytes)},
            {"BlockInput", stats.block_input_bytes},
            {"BlockOutput", stats.block_output_bytes},
            {"PIDs", stats.pids},
            {"PIDS", stats.pids}};
}

/// podman's list, whose values are texts.
Json json_fields(const ContainerStats& stats) {
    return {{"id", stats.id.substr(0, 12)},
            {"name", stats.name},
            {"cpu_time", seconds_text(stats.cpu)},
            {"cpu_percent", percent(stats.cpu_percent)},
            {"avg_cpu", percent(stats.average_cpu_percent)},
            {"mem_usage", pair_of_sizes(stats.memory_bytes, stats.memory_limit_bytes)},
            {"mem_percent", percent(stats.memory_percent())},
            {"net_io", pair_of_sizes(stats.network_input_bytes, stats.network_output_bytes)},
            {"block_io", pair_of_sizes(stats.block_input_bytes, stats.block_output_bytes)},
            {"pids", std::to_string(stats.pids)}};
}

/// --all: the others, as rows without figures.
std::vector<std::pair<std::string, std::string>> others(cli::Context& context,
                                                        const std::vector<ContainerStats>& all) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto& container : engine::list_containers(
             context.engine(), {.includes_stopped = true, .filters = {}, .last = {}})) {
        const bool is_shown = std::any_of(
            all.begin(), all.end(), [&](const auto& stats) { return stats.id == container.id; });
        if (!is_shown) {
            rows.emplace_back(container.id, container.name);
        }
    }
    return rows;
}

void print_table(cli::Context& context,
                 const Options& options,
                 const std::vector<ContainerStats>& all) {
    cli::Table table;
    table.add_row({"ID",
                   "NAME",
                   "CPU %",
                   "MEM USAGE / LIMIT",
                   "MEM %",
                   "NET IO",
                   "BLOCK IO",
                   "PIDS",
                   "CPU TIME",
                   "AVG CPU %"});
    const auto shown_id = [&](const std::string& id) {
        return options.is_whole ? id : id.substr(0, 12);
    };
    for (const auto& stats : all) {
        table.add_row({shown_id(stats.id),
                       stats.name,
                       percent(stats.cpu_percent),
                       pair_of_sizes(stats.memory_bytes, stats.memory_limit_bytes),
                       percent(stats.memory_percent()),
                       pair_of_sizes(stats.network_input_bytes, stats.network_output_bytes),
                       pair_of_sizes(stats.block_input_bytes, stats.block_output_bytes),
                       std::to_string(stats.pids),
                       seconds_text(stats.cpu),
                       percent(stats.average_cpu_percent)});
    }
    if (options.is_all) {
        for (const auto& [id, name] : others(context, all)) {
            table.add_row({shown_id(id),
                           name,
                           "--",
                           "-- / --",
                           "--",
                           "-- / --",
                           "-- / --",
                           "--",
                           "--",
                           "--"});
        }
    }
    context.out().write(table.text());
}

void print(cli::Context& context, const Options& options, const std::vector<ContainerStats>& all) {
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::columns) {
        print_table(context, options, all);
        return;
    }
    Json rows = Json::array();
    for (const auto& stats : all) {
        rows.push_back(format == cli::ListFormat::json ? json_fields(stats)
                                                       : template_fields(stats, options.is_whole));
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
        return;
    }
    cli::print_custom_list(context.out(),
                           options.format,
                           {{"CPUPerc", "CPU %"},
                            {"AVGCPU", "AVG CPU %"},
                            {"MemUsage", "MEM USAGE / LIMIT"},
                            {"MemPerc", "MEM %"},
                            {"NetIO", "NET IO"},
                            {"BlockIO", "BLOCK IO"},
                            {"PIDs", "PIDS"}},
                           rows,
                           /*has_headings=*/true);
}

int run(cli::Context& context, const Options& options) {
    constexpr uint64_t kDefaultSeconds = 5;
    constexpr uint64_t kMostSeconds = 86400;
    constexpr const char* kClearScreen = "\x1b[H\x1b[2J";
    std::vector<std::string> names = options.names;
    const int said =
        (names.empty() ? 0 : 1) + (options.is_all ? 1 : 0) + (options.is_latest ? 1 : 0);
    if (said > 1) {
        throw cli::UsageError("nau stats", "containers, --latest and --all exclude each other");
    }
    const uint64_t seconds = options.interval_seconds.value_or(kDefaultSeconds);
    if (seconds == 0 || seconds > kMostSeconds) {
        throw cli::UsageError("nau stats", "--interval is from 1 to {}", kMostSeconds);
    }
    if (options.is_latest) {
        names.push_back(engine::latest_container_id(context.engine()));
    }
    const bool clears =
        !options.does_not_reset && context.out().is_terminal() && !options.does_not_stream;
    std::vector<ContainerStats> before;
    for (;;) {
        before = engine::container_stats(context.engine(), names, before);
        if (clears) {
            context.out().write(kClearScreen);
        }
        print(context, options, before);
        context.out().flush();
        if (options.does_not_stream ||
            !cli::wait_while_read(STDOUT_FILENO, std::chrono::seconds(seconds))) {
            return 0;
        }
    }
}

}  // namespace

constinit const cli::Command stats =
    cli::make_command<Options, declare, run>("Show what running containers use");

}  // namespace nau::subcommands
