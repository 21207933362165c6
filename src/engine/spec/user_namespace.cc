#include "engine/spec/user_namespace.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine {

namespace {

/// Slots of this size are given out (`engine/container/user_namespace`).
constexpr uint64_t kMaxAutoSize = 65536;

void apply_auto_option(std::string_view option, UserNamespaceOptions& options) {
    const auto pair = split_once(option, '=');
    const std::string_view key = pair ? pair->first : option;
    if (key == "uidmapping" || key == "gidmapping") {
        throw Error(ErrorKind::unsupported, "auto:{}= is not supported by nau", key)
            .with_hint("--uidmap and --gidmap say where each id is");
    }
    if (key != "size" || !pair) {
        throw Error(ErrorKind::invalid, "auto has no option '{}' (size)", option);
    }
    const auto size = parse_uint64(pair->second);
    if (!size || *size == 0 || *size > kMaxAutoSize) {
        throw Error(
            ErrorKind::invalid, "auto:size={} is not from 1 to {}", pair->second, kMaxAutoSize);
    }
    options.size = static_cast<uint32_t>(*size);
}

void refuse_keep_id_option(std::string_view option) {
    throw Error(ErrorKind::invalid, "keep-id:{}: for root, all ids stay what they are", option)
        .with_hint("--uidmap and --gidmap give other ids");
}

uint32_t checked_id(std::string_view word, std::string_view text) {
    const auto number = parse_uint64(word);
    if (!number || *number >= UINT32_MAX) {
        throw Error(ErrorKind::invalid, "'{}' is not INSIDE:OUTSIDE[:COUNT]", text);
    }
    return static_cast<uint32_t>(*number);
}

void check_overlaps(const IdMappings& mappings, std::string_view flag) {
    const auto overlap = [](uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
        return a < b + b_size && b < a + a_size;
    };
    for (size_t i = 0; i < mappings.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            const auto& a = mappings[i];
            const auto& b = mappings[j];
            if (overlap(a.container_id, a.size, b.container_id, b.size) ||
                overlap(a.host_id, a.size, b.host_id, b.size)) {
                throw Error(ErrorKind::invalid, "{}: two ranges overlap", flag);
            }
        }
    }
}

}  // namespace

void apply_userns_flag(std::string_view text, UserNamespaceOptions& options) {
    const auto pair = split_once(text, ':');
    const std::string_view word = pair ? pair->first : text;
    const std::string_view rest = pair ? pair->second : std::string_view();
    if ((word == "container" || word == "ns") && !rest.empty()) {
        if (word == "ns" && !rest.starts_with('/')) {
            throw Error(ErrorKind::invalid, "the path '{}' is not absolute", rest);
        }
        options.mode = text;
        return;
    }
    if (word == "nomap") {
        throw Error(ErrorKind::invalid, "'nomap' is for callers who are not root")
            .with_hint("'auto' gives the container ids that no other has");
    }
    if ((word == "auto" || word == "keep-id") && !rest.empty()) {
        for (const std::string_view option : split(rest, ',')) {
            word == "auto" ? apply_auto_option(option, options) : refuse_keep_id_option(option);
        }
    } else if (pair || (word != "auto" && word != "keep-id" && word != "host" &&
                        word != "private" && !word.empty())) {
        throw Error(ErrorKind::invalid,
                    "'{}' is none of auto, host, keep-id, private, container:NAME, ns:PATH",
                    text);
    }
    options.mode = word == "host" ? "" : word;
}

oci::spec::IdMapping parse_id_map_flag(std::string_view text) {
    if (!text.empty() && std::string_view("+@ug").find(text.front()) != text.npos) {
        throw Error(ErrorKind::unsupported,
                    "'{}': podman's flags (+, @, u, g) are not supported by nau",
                    text)
            .with_hint("write INSIDE:OUTSIDE:COUNT, with numbers");
    }
    const auto words = split(text, ':');
    if (words.size() < 2 || words.size() > 3) {
        throw Error(ErrorKind::invalid, "'{}' is not INSIDE:OUTSIDE[:COUNT]", text);
    }
    const oci::spec::IdMapping mapping{.container_id = checked_id(words[0], text),
                                       .host_id = checked_id(words[1], text),
                                       .size = words.size() == 3 ? checked_id(words[2], text) : 1};
    const uint64_t size = mapping.size;
    if (size == 0 || mapping.container_id + size > UINT32_MAX ||
        mapping.host_id + size > UINT32_MAX) {
        throw Error(ErrorKind::invalid, "'{}' is empty or reaches beyond the last id", text);
    }
    return mapping;
}

void check_user_namespace(const UserNamespaceOptions& options) {
    const bool has_maps = !options.uids.empty() || !options.gids.empty();
    const bool has_names = !options.subuid_name.empty() || !options.subgid_name.empty();
    if (has_maps && has_names) {
        throw Error(ErrorKind::invalid,
                    "--uidmap and --gidmap exclude --subuidname and --subgidname");
    }
    if ((has_maps || has_names) && !options.mode.empty() && options.mode != "private") {
        throw Error(ErrorKind::invalid,
                    "--userns={} has ids of its own: --uidmap and the like exclude it",
                    options.mode);
    }
    check_overlaps(options.uids, "--uidmap");
    check_overlaps(options.gids, "--gidmap");
}

IdMappings subordinate_ids(std::string_view text, std::string_view user) {
    IdMappings mappings;
    uint64_t inside = 0;
    for (const std::string_view line : split(text, '\n')) {
        const auto words = split(trim(line), ':');
        if (words.size() != 3 || words[0] != user) {
            continue;
        }
        const auto first = parse_uint64(words[1]);
        const auto count = parse_uint64(words[2]);
        if (!first || !count || *count == 0 || *first >= UINT32_MAX || inside >= UINT32_MAX) {
            continue;
        }
        const uint64_t size = std::min({*count, UINT32_MAX - *first, UINT32_MAX - inside});
        mappings.push_back({.container_id = static_cast<uint32_t>(inside),
                            .host_id = static_cast<uint32_t>(*first),
                            .size = static_cast<uint32_t>(size)});
        inside += size;
    }
    return mappings;
}

std::optional<uint32_t> map_id(const IdMappings& mappings, uint32_t id) noexcept {
    for (const auto& range : mappings) {
        if (id >= range.container_id && id - range.container_id < range.size) {
            return range.host_id + (id - range.container_id);
        }
    }
    return std::nullopt;
}

}  // namespace nau::engine
