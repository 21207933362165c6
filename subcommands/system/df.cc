#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/store/disk_usage.h"
#include "subcommands/container/container_row.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using engine::DiskUsage;
using engine::UsagePart;
using Json = nlohmann::json;

struct Options {
    bool is_verbose = false;
    std::string format;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Print what the store takes on the disk. The lines add up to what du says of it.");
    flags.toggle("-v,--verbose",
                 "Print each image, container and volume, and the whole",
                 options.is_verbose);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .Type .Total .TotalCount .Active .Size .Reclaimable .RawSize "
            ".RawReclaimable. RECLAIMABLE is what the prune command of this kind frees.");
}

struct Line {
    std::string_view type;
    const UsagePart* part;
};

std::array<Line, 8> lines_of(const DiskUsage& usage) {
    return {Line{"Images", &usage.images},
            Line{"Containers", &usage.containers},
            Line{"Local Volumes", &usage.volumes},
            Line{"Image Blobs", &usage.blobs},
            Line{"Partial Downloads", &usage.partials},
            Line{"Container Logs", &usage.logs},
            Line{"Trash", &usage.trash},
            Line{"Metadata", &usage.metadata}};
}

std::string reclaimable_text(const UsagePart& part) {
    const uint64_t percent =
        part.size_bytes == 0 ? 0 : part.reclaimable_bytes * 100 / part.size_bytes;
    return fmt::format("{} ({}%)", cli::human_size(part.reclaimable_bytes), percent);
}

Json row_of(const Line& line) {
    const UsagePart& part = *line.part;
    return {{"Type", line.type},
            {"Total", part.count},
            {"TotalCount", part.count},
            {"Active", part.active_count},
            {"Size", cli::human_size(part.size_bytes)},
            {"Reclaimable", reclaimable_text(part)},
            {"RawSize", part.size_bytes},
            {"RawReclaimable", part.reclaimable_bytes}};
}

void print_summary(cli::Context& context, const DiskUsage& usage) {
    cli::Table table;
    table.add_row({"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"});
    for (const Line& line : lines_of(usage)) {
        table.add_row({std::string(line.type),
                       std::to_string(line.part->count),
                       std::to_string(line.part->active_count),
                       cli::human_size(line.part->size_bytes),
                       reclaimable_text(*line.part)});
    }
    context.out().write(table.text());
}

void print_images(cli::Context& context, const DiskUsage& usage) {
    cli::Table table;
    table.add_row({"REPOSITORY",
                   "TAG",
                   "IMAGE ID",
                   "CREATED",
                   "SIZE",
                   "SHARED SIZE",
                   "UNIQUE SIZE",
                   "CONTAINERS"});
    for (const auto& each : usage.image_list) {
        table.add_row({each.image.repository,
                       each.image.tag,
                       short_id(each.image.id, false),
                       cli::human_age(each.image.created, context.now()),
                       cli::human_size(each.size_bytes),
                       cli::human_size(each.shared_bytes),
                       cli::human_size(each.unique_bytes),
                       std::to_string(each.image.container_count)});
    }
    context.out().print("Images space usage:\n\n{}", table.text());
}

void print_containers(cli::Context& context, const DiskUsage& usage) {
    cli::Table table;
    table.add_row({"CONTAINER ID",
                   "IMAGE",
                   "COMMAND",
                   "LOCAL VOLUMES",
                   "SIZE",
                   "LOG SIZE",
                   "CREATED",
                   "STATUS",
                   "NAMES"});
    for (const auto& each : usage.container_list) {
        table.add_row({short_id(each.container.id, false),
                       each.container.image,
                       command_text(each.container, false),
                       std::to_string(each.volume_count),
                       cli::human_size(each.size_bytes),
                       cli::human_size(each.log_bytes),
                       cli::human_age(each.container.created, context.now()),
                       container_status_text(each.container, context.now()),
                       each.container.name});
    }
    context.out().print("\nContainers space usage:\n\n{}", table.text());
}

void print_volumes(cli::Context& context, const DiskUsage& usage) {
    cli::Table table;
    table.add_row({"VOLUME NAME", "LINKS", "SIZE"});
    for (const auto& each : usage.volume_list) {
        table.add_row(
            {each.name, std::to_string(each.link_count), cli::human_size(each.size_bytes)});
    }
    context.out().print("\nLocal Volumes space usage:\n\n{}", table.text());
}

Json verbose_json(const DiskUsage& usage) {
    Json images = Json::array();
    for (const auto& each : usage.image_list) {
        images.push_back({{"Repository", each.image.repository},
                          {"Tag", each.image.tag},
                          {"ImageID", each.image.id},
                          {"Created", format_rfc3339(each.image.created)},
                          {"Size", each.size_bytes},
                          {"SharedSize", each.shared_bytes},
                          {"UniqueSize", each.unique_bytes},
                          {"Containers", each.image.container_count}});
    }
    Json containers = Json::array();
    for (const auto& each : usage.container_list) {
        containers.push_back({{"ContainerID", each.container.id},
                              {"Image", each.container.image},
                              {"Command", each.container.command},
                              {"LocalVolumes", each.volume_count},
                              {"Size", each.size_bytes},
                              {"LogSize", each.log_bytes},
                              {"Created", format_rfc3339(each.container.created)},
                              {"Status", engine::to_string(each.container.status)},
                              {"Names", each.container.name}});
    }
    Json volumes = Json::array();
    for (const auto& each : usage.volume_list) {
        volumes.push_back(
            {{"VolumeName", each.name}, {"Links", each.link_count}, {"Size", each.size_bytes}});
    }
    Json summary = Json::array();
    for (const Line& line : lines_of(usage)) {
        summary.push_back(row_of(line));
    }
    return {{"Images", std::move(images)},
            {"Containers", std::move(containers)},
            {"Volumes", std::move(volumes)},
            {"Summary", std::move(summary)},
            {"TotalSize", usage.total_bytes}};
}

int run(cli::Context& context, const Options& options) {
    const cli::ListFormat format = cli::list_format_of(options.format);
    if (options.is_verbose && format == cli::ListFormat::custom) {
        throw cli::UsageError("nau system df", "--verbose and a template exclude each other");
    }
    const DiskUsage usage = engine::disk_usage(context.engine());
    if (options.is_verbose && format == cli::ListFormat::json) {
        cli::print_json(context.out(), verbose_json(usage));
        return 0;
    }
    if (options.is_verbose) {
        print_images(context, usage);
        print_containers(context, usage);
        print_volumes(context, usage);
        context.out().write("\nThe store on the disk:\n\n");
        print_summary(context, usage);
        context.out().print("\nTotal: {}\n", cli::human_size(usage.total_bytes));
        return 0;
    }
    if (format == cli::ListFormat::columns) {
        print_summary(context, usage);
        return 0;
    }
    Json rows = Json::array();
    for (const Line& line : lines_of(usage)) {
        rows.push_back(row_of(line));
    }
    if (format == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
    } else {
        cli::print_custom_list(
            context.out(), options.format, {{"TotalCount", "TOTAL"}}, rows, true);
    }
    return 0;
}

}  // namespace

constinit const cli::Command system_df =
    cli::make_command<Options, declare, run>("Print what the store takes on the disk");

}  // namespace nau::subcommands
