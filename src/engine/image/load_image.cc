#include "engine/image/load_image.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/archive_images.h"
#include "engine/image/image_name.h"
#include "engine/image/open_archive.h"
#include "engine/image/store_image.h"

namespace nau::engine {

namespace {

LoadedImage load_one(Engine& engine,
                     ImageLease& lease,
                     ArchiveImage& archived,
                     PullProgress* progress,
                     const std::stop_token& stop) {
    archived.image.action = "load";
    LoadedImage loaded{
        .image_id = store_image(engine,
                                lease,
                                archived.image,
                                {.read_blob = archived.read_blob, .progress = progress},
                                stop),
        .names = {}};
    for (const auto& name : archived.image.names) {
        loaded.names.push_back(name.to_string());
    }
    return loaded;
}

bool is_called(const ArchiveImage& archived, const std::string& wanted) {
    const auto reference = reference_from_archive(wanted);
    const auto& names = archived.image.names;
    return std::any_of(names.begin(), names.end(), [&](const oci::Reference& name) {
        return name == reference || name.tag() == wanted;
    });
}

std::string names_in(const std::vector<ArchiveImage>& archived) {
    std::string list;
    for (const auto& image : archived) {
        for (const auto& name : image.image.names) {
            list += (list.empty() ? "" : ", ") + name.to_string();
        }
    }
    return list;
}

void choose(std::vector<ArchiveImage>& archived, const LoadOptions& options) {
    const std::string all = names_in(archived);
    if (!options.name.empty()) {
        std::erase_if(archived, [&](const auto& image) { return !is_called(image, options.name); });
    }
    if (archived.empty()) {
        throw Error(ErrorKind::not_found, "it has no image called '{}'", options.name)
            .with_hint(all.empty() ? "its images have no names" : "it has " + all);
    }
    if (options.is_single && archived.size() > 1) {
        throw Error(ErrorKind::invalid, "it holds {} images", archived.size())
            .with_hint("name one of them behind the path: " + all);
    }
}

}  // namespace

std::vector<LoadedImage> load_images(Engine& engine,
                                     const LoadOptions& options,
                                     PullProgress* progress,
                                     std::stop_token stop) {
    const oci::Platform platform =
        options.platform.empty() ? oci::host_platform() : oci::parse_platform(options.platform);
    return doing(
        [&] {
            return fmt::format("loading {}",
                               options.input == "-" ? "standard input" : options.input);
        },
        [&] {
            const ProgressScope scope(progress);
            const auto members = open_archive(engine, options.input, stop);
            auto archived = read_archive_images(members, platform, stop);
            if (archived.empty()) {
                throw Error(ErrorKind::not_found, "it holds no image");
            }
            choose(archived, options);
            ImageLease lease(engine, "load");
            std::vector<LoadedImage> loaded;
            for (auto& image : archived) {
                loaded.push_back(load_one(engine, lease, image, progress, stop));
            }
            return loaded;
        });
}

}  // namespace nau::engine
