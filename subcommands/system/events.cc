#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/text.h"
#include "engine/system/event_list.h"
#include "subcommands/declarations.h"
#include "subcommands/flags/filters.h"

namespace nau::subcommands {

namespace {

using Json = nlohmann::json;

struct Options {
    Filters filters;
    std::string format;
    std::string since;
    std::string until;
    bool is_stream = true;
    bool does_not_stream = false;
    bool is_whole = true;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print what happens to containers, images and volumes, a line for each event. Without "
        "--since only what happens from now on; with --stream=false what has happened.");
    declare_filters(flags,
                    "-f,--filter",
                    "Print only events with KEY=VALUE: container, event, image, label, network, "
                    "type, volume",
                    options.filters);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .Time .TimeNano .Type .Action .Status .ID .Name .Image .Attributes .Actor "
            ".ContainerExitCode. json is one object in a line.");
    flags.toggle("--no-trunc", "Print whole ids; false shortens them", options.is_whole);
    flags.value("--since", "TIME", "Begin at this time, or so long ago, such as 10m", options.since)
        .explain(
            "A time is 2026-11-23T20:57:42Z, a part of it from the left, or seconds since 1970.");
    flags.toggle("--stream", "Go on with what happens", options.is_stream);
    flags.toggle("--no-stream", "The same as --stream=false", options.does_not_stream).hidden();
    flags.value("--until", "TIME", "End at this time", options.until);
    flags.example("nau events --since 1h --filter event=died --stream=false");
}

Json fields_of(const engine::EventLine& event, bool is_whole) {
    const auto nanoseconds = event.time.time_since_epoch();
    const auto found = event.attributes.find("exitCode");
    const auto exit_code =
        found == event.attributes.end() ? std::nullopt : parse_int64(found->second);
    const bool is_container = event.type == "container";
    const std::string id = is_container && !is_whole ? event.id.substr(0, 12) : event.id;
    Json actor_attributes = event.attributes;
    if (!event.name.empty()) {
        actor_attributes["name"] = event.name;
    }
    if (!event.image.empty()) {
        actor_attributes["image"] = event.image;
    }
    return {{"Type", event.type},
            {"Action", event.action},
            {"Status", event.action},
            {"ID", id},
            {"Name", event.name},
            {"Image", event.image},
            {"Attributes", event.attributes},
            {"Actor", {{"ID", id}, {"Attributes", std::move(actor_attributes)}}},
            {"ContainerExitCode", exit_code ? Json(*exit_code) : Json(nullptr)},
            {"Scope", "local"},
            {"Time", format_rfc3339(event.time)},
            {"TimeNano", nanoseconds.count()},
            {"time", std::chrono::duration_cast<std::chrono::seconds>(nanoseconds).count()},
            {"timeNano", nanoseconds.count()}};
}

/// As podman writes it: time, type, action, id and what belongs to it in brackets.
std::string line_of(const engine::EventLine& event, bool is_whole) {
    std::vector<std::string> details;
    if (!event.image.empty()) {
        details.push_back("image=" + event.image);
    }
    if (!event.name.empty()) {
        details.push_back("name=" + event.name);
    }
    for (const auto& [key, value] : event.attributes) {
        details.push_back(fmt::format("{}={}", key, value));
    }
    const bool is_short = event.type == "container" && !is_whole;
    return cli::escape_control(fmt::format("{} {} {} {} ({})",
                                           format_rfc3339(event.time),
                                           event.type,
                                           event.action,
                                           is_short ? event.id.substr(0, 12) : event.id,
                                           fmt::join(details, ", ")));
}

int run(cli::Context& context, const Options& options) {
    engine::EventListOptions wanted;
    const Time now = context.now();
    wanted.follows = options.is_stream && !options.does_not_stream;
    if (!options.since.empty()) {
        wanted.since = cli::parse_moment(options.since, now);
    } else if (wanted.follows) {
        wanted.since = now;
    }
    if (!options.until.empty()) {
        wanted.until = cli::parse_moment(options.until, now);
    }
    for (const auto& [key, value] : options.filters) {
        wanted.filters.push_back(fmt::format("{}={}", key, value));
    }
    const bool has_template = !options.format.empty() && options.format != "json";
    engine::list_events(context.engine(), wanted, [&](const engine::EventLine& event) {
        if (options.format.empty()) {
            context.out().write(line_of(event, options.is_whole) + "\n");
        } else {
            const Json fields = fields_of(event, options.is_whole);
            if (has_template) {
                cli::print_object(context.out(), options.format, fields);
            } else {
                context.out().write(fields.dump(-1, ' ', false, Json::error_handler_t::replace) +
                                    "\n");
            }
        }
        if (wanted.follows) {
            context.out().flush();
        }
        return true;
    });
    return 0;
}

}  // namespace

constinit const cli::Command events =
    cli::make_command<Options, declare, run>("Print what happens");

}  // namespace nau::subcommands
