#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/image/image_history.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

using engine::HistoryLine;
using Json = nlohmann::json;

constexpr size_t kShortId = 12;
constexpr size_t kShortCommand = 45;

struct Options {
    std::string image;
    std::string format;
    bool is_human = true;
    bool is_whole = false;
    bool only_ids = false;
    bool has_no_heading = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "List how an image was made, the last step first, with the size of what each brought.");
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .ID .Created .CreatedAt .CreatedSince .CreatedBy .Size .Comment .Tags.");
    flags.toggle("-H,--human", "Print sizes and times as people say them", options.is_human)
        .defaults_to("true");
    flags.toggle("--no-trunc", "Do not shorten ids and commands", options.is_whole);
    flags.toggle("-n,--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("-q,--quiet", "Print ids only", options.only_ids);
    flags.argument("IMAGE", options.image).completes(cli::Complete::image);
    flags.example("nau history --no-trunc alpine:3.20");
}

std::string shown_id(const HistoryLine& line, bool is_whole) {
    if (line.id.empty()) {
        return "<missing>";
    }
    return is_whole ? "sha256:" + line.id : line.id.substr(0, kShortId);
}

std::string shown_command(const HistoryLine& line, bool is_whole) {
    if (is_whole || line.created_by.size() <= kShortCommand) {
        return line.created_by;
    }
    return line.created_by.substr(0, kShortCommand - 3) + "...";
}

std::string created_at(const HistoryLine& line) {
    return line.created ? format_rfc3339(*line.created) : "";
}

Json fields_of(const HistoryLine& line, const Options& options, Time now) {
    const std::string since = line.created ? cli::human_age(*line.created, now) : "";
    return {{"ID", shown_id(line, options.is_whole)},
            {"Created", options.is_human ? since : created_at(line)},
            {"CreatedAt", created_at(line)},
            {"CreatedSince", since},
            {"CreatedBy", shown_command(line, options.is_whole)},
            {"Size",
             options.is_human ? cli::human_size(line.size_bytes) : std::to_string(line.size_bytes)},
            {"Comment", line.comment},
            {"Tags", line.tags}};
}

Json list_of(const std::vector<HistoryLine>& lines) {
    Json list = Json::array();
    for (const auto& line : lines) {
        list.push_back({{"id", line.id},
                        {"created", line.created ? Json(created_at(line)) : Json(nullptr)},
                        {"CreatedBy", line.created_by},
                        {"size", line.size_bytes},
                        {"comment", line.comment},
                        {"emptyLayer", line.is_empty},
                        {"tags", line.tags}});
    }
    return list;
}

void print_table(cli::Context& context, const Options& options, const Json& rows) {
    cli::Table table;
    if (!options.has_no_heading) {
        table.add_row({"ID", "CREATED", "CREATED BY", "SIZE", "COMMENT"});
    }
    for (const auto& row : rows) {
        table.add_row({row["ID"], row["Created"], row["CreatedBy"], row["Size"], row["Comment"]});
    }
    context.out().write(table.text());
}

int run(cli::Context& context, const Options& options) {
    if (options.only_ids && !options.format.empty()) {
        throw cli::UsageError("nau history", "--quiet and --format exclude each other");
    }
    const auto lines = engine::image_history(context.engine(), options.image);
    if (options.only_ids) {
        for (const auto& line : lines) {
            context.out().print("{}\n", shown_id(line, options.is_whole));
        }
        return 0;
    }
    Json rows = Json::array();
    for (const auto& line : lines) {
        rows.push_back(fields_of(line, options, context.now()));
    }
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, options, rows);
            break;
        case cli::ListFormat::json:
            cli::print_json(context.out(), list_of(lines));
            break;
        case cli::ListFormat::custom:
            cli::print_custom_list(context.out(),
                                   options.format,
                                   {{"CreatedBy", "CREATED BY"},
                                    {"CreatedAt", "CREATED AT"},
                                    {"CreatedSince", "CREATED"}},
                                   rows,
                                   !options.has_no_heading);
            break;
    }
    return 0;
}

}  // namespace

constinit const cli::Command history =
    cli::make_command<Options, declare, run>("List how an image was made");

}  // namespace nau::subcommands
