#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "engine/registry/search_registry.h"
#include "subcommands/flags/registry.h"
#include "subcommands/registry/declarations.h"

namespace nau::subcommands {

namespace {

using engine::FoundImage;
using Json = nlohmann::json;

constexpr uint64_t kMostResults = 1000;
constexpr size_t kShortDescription = 44;

struct Options {
    engine::SearchOptions search;
    std::string format;
    bool lists_tags = false;
    bool is_whole = false;
    bool is_compatible = false;
};

size_t parse_limit(std::string_view text) {
    const auto number = parse_uint64(text);
    if (!number || *number == 0 || *number > kMostResults) {
        throw Error(ErrorKind::invalid, "is not a number from 1 to {}", kMostResults);
    }
    return *number;
}

bool parse_truth(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    throw Error(ErrorKind::invalid, "is neither true nor false");
}

void add_filter(engine::SearchOptions& search, std::string_view text) {
    const auto parts = split_once(text, '=');
    const std::string_view key = parts ? parts->first : text;
    const std::string_view value = parts ? parts->second : "true";
    if (key == "stars") {
        search.min_stars = parse_int64(value);
        if (!search.min_stars) {
            throw Error(ErrorKind::invalid, "needs a number of stars");
        }
    } else if (key == "is-official") {
        search.is_official = parse_truth(value);
    } else if (key == "is-automated") {
        search.is_automated = parse_truth(value);
    } else {
        throw Error(ErrorKind::invalid, "is none of stars=NUMBER, is-official and is-automated");
    }
}

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Search registries for images by a word of their names. TERM may begin with the registry; "
        "otherwise all are asked that names without a registry may mean. Where a registry cannot "
        "search, its catalog is looked through.");
    flags
        .parsed("-f,--filter",
                "FILTER",
                "List only those with stars=NUMBER or more, is-official, is-automated",
                [&options](std::string_view text) { add_filter(options.search, text); })
        .repeatable();
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain("Fields: .Index .Name .Description .Stars .Official .Automated .Tag.");
    flags
        .parsed("--limit",
                "NUMBER",
                "List so many of each registry at most",
                [&options](std::string_view text) { options.search.limit = parse_limit(text); })
        .defaults_to("25");
    flags.toggle("--list-tags", "List the tags of the repository TERM", options.lists_tags);
    flags.toggle("--no-trunc", "Do not shorten descriptions", options.is_whole);
    flags.toggle("--compatible", "Print docker's columns", options.is_compatible);
    declare_registry_flags(flags, options.search.registry);
    flags.argument("TERM", options.search.term);
    flags.example("nau search --filter is-official alpine");
    flags.example("nau search --list-tags registry.example.com/team/app");
}

std::string shown_description(const FoundImage& image, bool is_whole) {
    std::string text = image.description;
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (is_whole || text.size() <= kShortDescription) {
        return text;
    }
    size_t end = kShortDescription - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
        --end;  // never within a character
    }
    return text.substr(0, end) + "...";
}

std::string mark(bool is_set) {
    return is_set ? "[OK]" : "";
}

Json rows_of(const std::vector<FoundImage>& images, const Options& options) {
    Json rows = Json::array();
    for (const auto& image : images) {
        rows.push_back({{"Index", image.registry},
                        {"Name", image.name},
                        {"Description", shown_description(image, options.is_whole)},
                        {"Stars", image.stars},
                        {"Official", mark(image.is_official)},
                        {"Automated", mark(image.is_automated)},
                        {"Tag", image.tag}});
    }
    return rows;
}

/// podman's form: the tags of a repository are one object.
Json tags_of(const std::vector<FoundImage>& images) {
    if (images.empty()) {
        return Json::array();
    }
    Json tags = Json::array();
    for (const auto& image : images) {
        tags.push_back(image.tag);
    }
    return Json::array({{{"Name", images.front().name}, {"Tags", tags}}});
}

void print_table(cli::Context& context, const Json& rows, const Options& options) {
    cli::Table table;
    if (options.lists_tags) {
        table.add_row({"NAME", "TAG"});
    } else if (options.is_compatible) {
        table.add_row({"NAME", "DESCRIPTION", "STARS", "OFFICIAL", "AUTOMATED"});
    } else {
        table.add_row({"NAME", "DESCRIPTION"});
    }
    for (const auto& row : rows) {
        if (options.lists_tags) {
            table.add_row({row["Name"], row["Tag"]});
        } else if (options.is_compatible) {
            table.add_row({row["Name"],
                           row["Description"],
                           std::to_string(row["Stars"].get<int64_t>()),
                           row["Official"],
                           row["Automated"]});
        } else {
            table.add_row({row["Name"], row["Description"]});
        }
    }
    context.out().write(table.text());
}

std::vector<FoundImage> find(cli::Context& context, const Options& options) {
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    return options.lists_tags
               ? engine::list_repository_tags(context.engine(), options.search, stop.get_token())
               : engine::search_registries(context.engine(), options.search, stop.get_token());
}

int run(cli::Context& context, const Options& options) {
    const auto& search = options.search;
    if (search.term.empty()) {
        throw cli::UsageError("nau search", "TERM is empty");
    }
    if (options.lists_tags && (search.min_stars || search.is_official || search.is_automated)) {
        throw cli::UsageError("nau search", "--list-tags and --filter exclude each other");
    }
    const auto images = find(context, options);
    const Json rows = rows_of(images, options);
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, rows, options);
            break;
        case cli::ListFormat::json:
            cli::print_json(context.out(), options.lists_tags ? tags_of(images) : rows);
            break;
        case cli::ListFormat::custom:
            cli::print_custom_list(context.out(), options.format, Json::object(), rows, true);
            break;
    }
    return 0;
}

}  // namespace

constinit const cli::Command search =
    cli::make_command<Options, declare, run>("Search registries for images");

}  // namespace nau::subcommands
