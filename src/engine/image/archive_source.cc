#include "engine/image/archive_source.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace nau::engine {

std::optional<ArchiveSource> parse_archive_source(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, ArchiveFormat>, 4> kTransports = {{
        {"oci:", ArchiveFormat::oci_dir},
        {"oci-archive:", ArchiveFormat::oci_archive},
        {"docker-archive:", ArchiveFormat::docker_archive},
        {"dir:", ArchiveFormat::docker_dir},
    }};
    const auto* found = std::find_if(kTransports.begin(), kTransports.end(), [&](const auto& each) {
        return text.starts_with(each.first);
    });
    if (found == kTransports.end()) {
        return std::nullopt;
    }
    const auto& [transport, format] = *found;
    const std::string_view rest = text.substr(transport.size());
    // "dir:5000/image" is an image of a registry called dir.
    if (!rest.empty() && rest.find_first_not_of("0123456789") == rest.find('/') &&
        rest.find('/') != 0 && rest.find('/') != rest.npos) {
        return std::nullopt;
    }
    const size_t colon = format == ArchiveFormat::docker_dir ? rest.npos : rest.find(':');
    ArchiveSource source{.format = format, .path = std::string(rest.substr(0, colon)), .name = {}};
    if (colon != rest.npos) {
        source.name = rest.substr(colon + 1);
    }
    if (source.path.empty()) {
        throw Error(ErrorKind::invalid, "'{}' names no file or directory", text);
    }
    return source;
}

LoadedImage load_from_source(Engine& engine,
                             const ArchiveSource& source,
                             const std::string& platform,
                             PullProgress* progress,
                             std::stop_token stop) {
    return load_images(
               engine,
               {.input = source.path, .platform = platform, .name = source.name, .is_single = true},
               progress,
               stop)
        .front();
}

}  // namespace nau::engine
