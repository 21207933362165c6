#include "subcommands/image/image_filter.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/human.h"

namespace nau::subcommands {

namespace {

using engine::ImageSummary;

bool matches_label(const ImageSummary& image, std::string_view wanted) {
    const auto pair = split_once(wanted, '=');
    const auto found = image.labels.find(std::string(pair ? pair->first : wanted));
    return found != image.labels.end() && (!pair || found->second == pair->second);
}

bool is_named(const ImageSummary& image, const std::string& name) {
    const std::string_view id = std::string_view(name).starts_with("sha256:")
                                    ? std::string_view(name).substr(7)
                                    : std::string_view(name);
    return (id.size() >= 3 && image.id.starts_with(id)) || matches_reference(image, name);
}

Time created_of(const std::vector<ImageSummary>& images, const std::string& name) {
    const auto found = std::find_if(images.begin(), images.end(), [&](const ImageSummary& image) {
        return is_named(image, name);
    });
    if (found == images.end()) {
        throw Error(ErrorKind::not_found, "no image with name or id '{}'", name);
    }
    return found->created;
}

bool truth_of(std::string_view key, std::string_view value) {
    if (value == "true" || value == "1") {
        return true;
    }
    if (value == "false" || value == "0") {
        return false;
    }
    throw Error(ErrorKind::invalid, "filter {}={} is neither true nor false", key, value);
}

template <typename Predicate>
void keep(std::vector<ImageSummary>& images, Predicate predicate) {
    std::erase_if(images, [&](const ImageSummary& image) { return !predicate(image); });
}

}  // namespace

bool matches_pattern(std::string_view text, std::string_view pattern) noexcept {
    size_t t = 0;
    size_t p = 0;
    size_t star = pattern.npos;
    size_t behind = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            behind = t;
        } else if (p < pattern.size() &&
                   (pattern[p] == text[t] || (pattern[p] == '?' && text[t] != '/'))) {
            ++p;
            ++t;
        } else if (star != pattern.npos && text[behind] != '/') {
            p = star + 1;
            t = ++behind;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

bool matches_reference(const ImageSummary& image, std::string_view pattern) {
    std::vector<std::string_view> names = {image.repository};
    for (const std::string_view prefix : {"docker.io/", "library/"}) {
        if (names.back().starts_with(prefix)) {
            names.push_back(names.back().substr(prefix.size()));
        }
    }
    // A name of another registry is known by its last parts as well.
    for (std::string_view rest = image.repository; rest.find('/') != rest.npos;) {
        rest.remove_prefix(rest.find('/') + 1);
        names.push_back(rest);
    }
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
        return matches_pattern(name, pattern) ||
               matches_pattern(fmt::format("{}:{}", name, image.tag), pattern);
    });
}

std::vector<ImageSummary> filter_images(std::vector<ImageSummary> images,
                                        const Filters& filters,
                                        Time now) {
    const std::vector<ImageSummary> all = images;
    std::vector<std::string_view> references;
    for (const auto& [key, value] : filters) {
        if (key == "reference") {
            references.push_back(value);
        } else if (key == "dangling") {
            const bool wanted = truth_of(key, value);
            keep(images, [&](const auto& i) { return (i.repository == "<none>") == wanted; });
        } else if (key == "label") {
            keep(images, [&, &label = value](const auto& i) { return matches_label(i, label); });
        } else if (key == "label!") {
            keep(images, [&, &label = value](const auto& i) { return !matches_label(i, label); });
        } else if (key == "readonly") {
            const bool wanted = truth_of(key, value);
            keep(images, [&](const auto& i) { return i.read_only_store.empty() != wanted; });
        } else if (key == "intermediate") {
            // There are no such images: no step of a build is kept.
            const bool wanted = truth_of(key, value);
            keep(images, [&](const auto&) { return !wanted; });
        } else if (key == "until") {
            keep(images, [time = cli::parse_moment(value, now)](const auto& i) {
                return i.created < time;
            });
        } else if (key == "containers") {
            const bool wanted = truth_of(key, value);
            keep(images, [&](const auto& i) { return (i.container_count > 0) == wanted; });
        } else if (key == "id") {
            keep(images, [&, &id = value](const auto& i) { return i.id.starts_with(id); });
        } else if (key == "before") {
            keep(images,
                 [time = created_of(all, value)](const auto& i) { return i.created < time; });
        } else if (key == "since" || key == "after") {
            keep(images,
                 [time = created_of(all, value)](const auto& i) { return i.created > time; });
        } else {
            throw Error(ErrorKind::invalid, "unknown filter '{}'", key)
                .with_hint(
                    "filters: reference, dangling, label, id, before, since, until, containers, "
                    "readonly, intermediate");
        }
    }
    if (!references.empty()) {
        keep(images, [&](const auto& i) {
            return std::any_of(references.begin(), references.end(), [&](std::string_view each) {
                return matches_reference(i, each);
            });
        });
    }
    return images;
}

}  // namespace nau::subcommands
