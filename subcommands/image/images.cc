#include "engine/image/images.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/usage_error.h"
#include "subcommands/declarations.h"
#include "subcommands/image/image_filter.h"

namespace nau::subcommands {

namespace {

using engine::ImageSummary;
using Json = nlohmann::json;

struct Options {
    std::string reference;
    bool is_all = false;
    bool has_digests = false;
    bool has_history = false;
    bool has_no_heading = false;
    bool is_whole = false;
    bool only_ids = false;
    std::string format;
    std::string sort = "created";
    Filters filters;
};

constexpr std::array kRefused = {cli::RefusedFlag{"--tree", "use 'nau image tree'"}};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the images that are here, the newest first.");
    flags.toggle("-a,--all", "List all; nau keeps no images but those with names", options.is_all);
    flags.toggle("--digests", "Print digests as well", options.has_digests);
    declare_filters(flags, "-f,--filter", "List only those with KEY=VALUE", options.filters);
    flags.toggle("--history", "Print all names of each image as well", options.has_history);
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", options.format)
        .explain(
            "Fields: .Repository .Tag .ID .Digest .Created .CreatedSince .CreatedAt .Size "
            ".Labels .Containers .ReadOnly. A template behind the word table is printed in "
            "columns.");
    flags.toggle("--no-trunc", "Do not shorten ids", options.is_whole);
    flags.toggle("-n,--noheading", "Do not print headings", options.has_no_heading);
    flags.toggle("-q,--quiet", "Print ids only", options.only_ids);
    flags.value("--sort", "FIELD", "Order by this field", options.sort)
        .defaults_to("created")
        .one_of({"created", "id", "repository", "size", "tag"});
    flags.refuse(kRefused);
    flags.argument("REPOSITORY[:TAG]", options.reference)
        .optional()
        .completes(cli::Complete::image);
    flags.example("nau images --filter reference='alpine*'");
}

std::string shown_id(const ImageSummary& image, bool is_whole) {
    constexpr size_t kShortId = 12;
    return is_whole ? "sha256:" + image.id : image.id.substr(0, kShortId);
}

int64_t epoch_seconds(Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void sort_images(std::string_view field, std::vector<ImageSummary>& images) {
    const auto by = [&](auto key) {
        std::stable_sort(images.begin(), images.end(), [&](const auto& a, const auto& b) {
            return key(a) < key(b);
        });
    };
    if (field == "id") {
        by([](const ImageSummary& image) { return image.id; });
    } else if (field == "repository") {
        by([](const ImageSummary& image) { return image.repository; });
    } else if (field == "size") {
        by([](const ImageSummary& image) { return image.size_bytes; });
    } else if (field == "tag") {
        by([](const ImageSummary& image) { return image.tag; });
    }
}

Json image_fields(const ImageSummary& image, Time now, bool is_whole) {
    const std::string age = cli::human_age(image.created, now);
    return {{"Repository", image.repository},
            {"Tag", image.tag},
            {"ID", shown_id(image, is_whole)},
            {"Digest", image.digest},
            {"Created", age},
            {"CreatedSince", age},
            {"CreatedAt", cli::long_time(image.created)},
            {"CreatedTime", cli::long_time(image.created)},
            {"Size", cli::human_size(image.size_bytes)},
            {"Labels", image.labels},
            {"Containers", image.container_count},
            {"ReadOnly", !image.read_only_store.empty()}};
}

Json image_headings() {
    return {{"ID", "IMAGE ID"},
            {"CreatedSince", "CREATED"},
            {"CreatedAt", "CREATED AT"},
            {"CreatedTime", "CREATED AT"}};
}

/// podman's shape: one object for each image, with all its names.
Json images_json(const std::vector<ImageSummary>& images) {
    Json list = Json::array();
    for (const ImageSummary& image : images) {
        const auto same = std::find_if(
            list.begin(), list.end(), [&](const Json& other) { return other["Id"] == image.id; });
        Json& object = same != list.end()
                           ? *same
                           : (list.push_back({{"Id", image.id},
                                              {"Digest", image.digest},
                                              {"Names", Json::array()},
                                              {"RepoTags", Json::array()},
                                              {"RepoDigests", Json::array()},
                                              {"Created", epoch_seconds(image.created)},
                                              {"CreatedAt", format_rfc3339(image.created)},
                                              {"Size", image.size_bytes},
                                              {"Labels", image.labels},
                                              {"Containers", image.container_count},
                                              {"ReadOnly", !image.read_only_store.empty()}}),
                              list.back());
        if (image.repository != "<none>") {
            object["RepoDigests"].push_back(fmt::format("{}@{}", image.repository, image.digest));
            if (image.tag != "<none>") {
                const std::string name = fmt::format("{}:{}", image.repository, image.tag);
                object["Names"].push_back(name);
                object["RepoTags"].push_back(name);
            }
        }
    }
    return list;
}

std::string names_of(const std::vector<ImageSummary>& images, const std::string& id) {
    std::string names;
    for (const ImageSummary& image : images) {
        if (image.id == id && image.repository != "<none>") {
            names += fmt::format("{}{}:{}", names.empty() ? "" : ", ", image.repository, image.tag);
        }
    }
    return names;
}

void print_table(cli::Context& context,
                 const Options& options,
                 const std::vector<ImageSummary>& images) {
    cli::Table table;
    const bool has_read_only = std::any_of(images.begin(), images.end(), [](const auto& image) {
        return !image.read_only_store.empty();
    });
    const auto add = [&](std::vector<std::string> cells,
                         std::string digest,
                         std::string names,
                         std::string read_only) {
        if (has_read_only) {
            cells.push_back(std::move(read_only));
        }
        if (options.has_digests) {
            cells.insert(cells.begin() + 2, std::move(digest));
        }
        if (options.has_history) {
            cells.push_back(std::move(names));
        }
        table.add_row(std::move(cells));
    };
    if (!options.has_no_heading) {
        add({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}, "DIGEST", "HISTORY", "R/O");
    }
    const Time now = context.now();
    for (const ImageSummary& image : images) {
        add({image.repository,
             image.tag,
             shown_id(image, options.is_whole),
             cli::human_age(image.created, now),
             cli::human_size(image.size_bytes)},
            image.digest,
            names_of(images, image.id),
            image.read_only_store.empty() ? "false" : "true");
    }
    context.out().write(table.text());
}

void print(cli::Context& context, const Options& options, const std::vector<ImageSummary>& images) {
    switch (cli::list_format_of(options.format)) {
        case cli::ListFormat::columns:
            print_table(context, options, images);
            return;
        case cli::ListFormat::json:
            cli::print_json(context.out(), images_json(images));
            return;
        case cli::ListFormat::custom:
            break;
    }
    Json rows = Json::array();
    for (const ImageSummary& image : images) {
        rows.push_back(image_fields(image, context.now(), options.is_whole));
    }
    cli::print_custom_list(
        context.out(), options.format, image_headings(), rows, !options.has_no_heading);
}

/// One line for each image, even if it has several names.
void print_ids(cli::Context& context,
               const Options& options,
               const std::vector<ImageSummary>& images) {
    std::vector<std::string> printed;
    for (const ImageSummary& image : images) {
        if (std::find(printed.begin(), printed.end(), image.id) == printed.end()) {
            printed.push_back(image.id);
            context.out().write(shown_id(image, options.is_whole) + "\n");
        }
    }
}

int run(cli::Context& context, const Options& options) {
    if (options.only_ids && !options.format.empty()) {
        throw cli::UsageError("nau images", "--quiet and --format exclude each other");
    }
    auto images =
        filter_images(engine::list_images(context.engine()), options.filters, context.now());
    if (!options.reference.empty()) {
        std::erase_if(images, [&](const ImageSummary& image) {
            return !matches_reference(image, options.reference);
        });
    }
    sort_images(options.sort, images);
    if (options.only_ids) {
        print_ids(context, options, images);
    } else {
        print(context, options, images);
    }
    return 0;
}

}  // namespace

constinit const cli::Command images = cli::make_command<Options, declare, run>("List images");

}  // namespace nau::subcommands
