#include <algorithm>
#include <array>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/interval.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/container/past_containers.h"
#include "subcommands/container/container_row.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

using engine::ContainerSummary;

struct Options {
    bool is_all = false;
    bool only_ids = false;
    bool is_whole = false;
    bool is_latest = false;
    bool has_no_heading = false;
    bool has_sizes = false;
    bool has_namespaces = false;
    std::optional<uint64_t> last;
    std::optional<uint64_t> watch_seconds;
    std::string format;
    std::string sort = "created";
    std::string at;
    Filters filters;
};

constexpr std::array kRefused = {
    cli::RefusedFlag{"-p,--pod", "pods come later"},
    cli::RefusedFlag{"--sync", "the state is always the kernel's"},
    cli::RefusedFlag{"--external", "nau sees its own containers only"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the containers that run, the newest first.");
    flags.toggle("-a,--all", "List those that do not run as well", options.is_all);
    declare_filters(flags, "-f,--filter", "List only those with KEY=VALUE", options.filters);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .ID .Image .ImageID .Command .Created .CreatedAt .RunningFor .Status "
            ".State .Ports .Names .Labels .Mounts .Networks .Pid .ExitCode .Exited "
            ".StartedAt .ExitedAt .AutoRemove. A template behind the word table is printed in "
            "columns.");
    flags.value("-n,--last",
                "NUMBER",
                "List the last so many that were created, whatever their state",
                options.last);
    flags.toggle("-l,--latest", "The same as --last 1", options.is_latest);
    flags.toggle("--no-trunc", "Do not shorten ids and commands", options.is_whole);
    flags.toggle("--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("-q,--quiet", "Print ids only", options.only_ids);
    flags.toggle(
        "-s,--size", "Tell what containers have written, and all with it", options.has_sizes);
    flags.toggle("--ns", "Tell the namespaces of the first processes", options.has_namespaces);
    flags
        .value("--at",
               "TIME",
               "List them as they were at this time, or so long ago, such as 10m",
               options.at)
        .explain(
            "The journal tells it ('nau events'), as far as it goes back. Commands and ports are "
            "not in it.");
    flags.value("-w,--watch", "SECONDS", "List again after so long", options.watch_seconds);
    flags.value("--sort", "FIELD", "Order by this field", options.sort)
        .defaults_to("created")
        .one_of({"command", "created", "id", "image", "names", "runningfor", "status"});
    flags.refuse(kRefused);
    flags.example("nau ps -a --filter status=exited");
    flags.example("nau ps --format '{{.ID}}\\t{{.Names}}'");
}

void sort_containers(std::string_view field, std::vector<ContainerSummary>& containers) {
    const auto by = [&](auto key) {
        std::stable_sort(containers.begin(), containers.end(), [&](const auto& a, const auto& b) {
            return key(a) < key(b);
        });
    };
    if (field == "command") {
        by([](const ContainerSummary& c) { return c.command; });
    } else if (field == "id") {
        by([](const ContainerSummary& c) { return c.id; });
    } else if (field == "image") {
        by([](const ContainerSummary& c) { return c.image; });
    } else if (field == "names") {
        by([](const ContainerSummary& c) { return c.name; });
    } else if (field == "status") {
        by([](const ContainerSummary& c) { return engine::to_string(c.status); });
    }
    // created, runningfor: the order in which they come
}

std::string size_text(cli::Context& context, const std::string& id) {
    const auto sizes = engine::container_sizes(context.engine(), id);
    return fmt::format("{} (virtual {})",
                       cli::human_size(sizes.written_bytes),
                       cli::human_size(sizes.written_bytes + sizes.image_bytes));
}

/// --ns: the inode numbers of namespaces, as podman shows them.
void print_namespaces(cli::Context& context,
                      const Options& options,
                      const std::vector<ContainerSummary>& containers) {
    constexpr std::array kKinds = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
    cli::Table table;
    if (!options.has_no_heading) {
        table.add_row({"CONTAINER ID",
                       "NAMES",
                       "PID",
                       "CGROUPNS",
                       "IPC",
                       "MNT",
                       "NET",
                       "PIDNS",
                       "USERNS",
                       "UTS"});
    }
    for (const ContainerSummary& container : containers) {
        std::vector<std::string> cells = {short_id(container.id, options.is_whole),
                                          container.name,
                                          std::to_string(container.pid)};
        const auto namespaces = engine::process_namespaces(container.pid);
        for (const char* kind : kKinds) {
            const auto found = namespaces.find(kind);
            cells.push_back(found == namespaces.end() ? "" : found->second);
        }
        table.add_row(std::move(cells));
    }
    context.out().write(table.text());
}

void print_table(cli::Context& context,
                 const Options& options,
                 const std::vector<ContainerSummary>& containers,
                 Time now) {
    cli::Table table;
    if (!options.has_no_heading) {
        std::vector<std::string> headings = {
            "CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"};
        if (options.has_sizes) {
            headings.emplace_back("SIZE");
        }
        table.add_row(std::move(headings));
    }
    for (const ContainerSummary& container : containers) {
        std::vector<std::string> cells = {short_id(container.id, options.is_whole),
                                          container.image,
                                          command_text(container, options.is_whole),
                                          cli::human_age(container.created, now),
                                          container_status_text(container, now),
                                          "",
                                          container.name};
        if (options.has_sizes) {
            cells.push_back(size_text(context, container.id));
        }
        table.add_row(std::move(cells));
    }
    context.out().write(table.text());
}

void print(cli::Context& context,
           const Options& options,
           const std::vector<ContainerSummary>& containers,
           Time now) {
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (format == cli::ListFormat::columns && options.has_namespaces) {
        print_namespaces(context, options, containers);
        return;
    }
    if (format == cli::ListFormat::columns) {
        print_table(context, options, containers, now);
        return;
    }
    nlohmann::json rows = nlohmann::json::array();
    for (const ContainerSummary& container : containers) {
        rows.push_back(format == cli::ListFormat::json
                           ? container_json(container, now)
                           : container_fields(container, now, options.is_whole));
        if (options.has_sizes) {
            rows.back()["Size"] = size_text(context, container.id);
        }
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
        return;
    }
    cli::print_custom_list(
        context.out(), options.format, container_headings(), rows, !options.has_no_heading);
}

void list_once(cli::Context& context, const Options& options) {
    engine::ListContainersOptions wanted;
    wanted.includes_stopped = options.is_all;
    wanted.filters = options.filters;
    if (options.is_latest) {
        wanted.last = 1;
    } else if (options.last && *options.last > 0) {
        wanted.last = *options.last;
    }
    const Time now =
        options.at.empty() ? context.now() : cli::parse_moment(options.at, context.now());
    auto containers = options.at.empty()
                          ? engine::list_containers(context.engine(), wanted)
                          : engine::containers_at(context.engine(), now, options.is_all);
    sort_containers(options.sort, containers);
    if (!options.only_ids) {
        print(context, options, containers, now);
        return;
    }
    for (const ContainerSummary& container : containers) {
        context.out().write(short_id(container.id, options.is_whole) + "\n");
    }
}

int run(cli::Context& context, const Options& options) {
    if (options.only_ids && !options.format.empty()) {
        throw cli::UsageError("nau ps", "--quiet and --format exclude each other");
    }
    constexpr uint64_t kMostSeconds = 86400;
    constexpr const char* kClearScreen = "\x1b[H\x1b[2J";
    if (options.has_namespaces && (options.has_sizes || !options.format.empty())) {
        throw cli::UsageError("nau ps", "--ns excludes --size and --format");
    }
    if (!options.at.empty() &&
        (options.is_latest || options.last || options.has_sizes || options.has_namespaces ||
         options.watch_seconds || !options.filters.empty())) {
        throw cli::UsageError("nau ps", "--at goes with --all, --format, --quiet and --sort only");
    }
    list_once(context, options);
    if (!options.watch_seconds) {
        return 0;
    }
    const uint64_t seconds = std::clamp<uint64_t>(*options.watch_seconds, 1, kMostSeconds);
    context.out().flush();
    while (cli::wait_while_read(STDOUT_FILENO, std::chrono::seconds(seconds))) {
        if (context.out().is_terminal()) {
            context.out().write(kClearScreen);
        }
        list_once(context, options);
        context.out().flush();
    }
    return 0;
}

}  // namespace

constinit const cli::Command ps = cli::make_command<Options, declare, run>("List containers");

}  // namespace nau::subcommands
