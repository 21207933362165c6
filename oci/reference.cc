#include "oci/reference.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxRepositoryLength = 255;
constexpr size_t kMaxTagLength = 128;
constexpr std::string_view kLegacyRegistry = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
bool is_alphanumeric(char c) noexcept {
    return is_digit(c) || is_lower(c) || is_upper(c);
}

template <typename Predicate>
bool all_of(std::string_view text, Predicate predicate) noexcept {
    return std::all_of(text.begin(), text.end(), predicate);
}

bool has_upper(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), is_upper);
}

/// One, or two underscores, or any number of hyphens, between alphanumerics.
bool is_separator(std::string_view text) noexcept {
    return text == "." || text == "_" || text == "__" ||
           (!text.empty() && all_of(text, [](char c) { return c == '-'; }));
}

/// path-component of the distribution grammar.
bool is_path_component(std::string_view text) noexcept {
    const auto is_word_character = [](char c) { return is_digit(c) || is_lower(c); };
    if (text.empty() || !is_word_character(text.front()) || !is_word_character(text.back())) {
        return false;
    }
    size_t at = 0;
    while (at < text.size()) {
        size_t end = at;
        while (end < text.size() && !is_word_character(text[end])) {
            ++end;
        }
        if (end > at && !is_separator(text.substr(at, end - at))) {
            return false;
        }
        at = end;
        while (at < text.size() && is_word_character(text[at])) {
            ++at;
        }
    }
    return true;
}

bool is_domain_name(std::string_view text) noexcept {
    const auto parts = split(text, '.');
    return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
        return !part.empty() && part.front() != '-' && part.back() != '-' &&
               all_of(part, [](char c) { return is_alphanumeric(c) || c == '-'; });
    });
}

bool is_ipv6_literal(std::string_view text) noexcept {
    return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
           all_of(text.substr(1, text.size() - 2), [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
           });
}

bool is_port(std::string_view text) noexcept {
    const auto port = parse_uint64(text);
    return port && *port > 0 && *port <= 65535;
}

bool is_registry(std::string_view text) noexcept {
    const size_t bracket = text.find(']');
    const size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
    const std::string_view host = text.substr(0, colon);
    return (is_domain_name(host) || is_ipv6_literal(host)) &&
           (colon == text.npos || is_port(text.substr(colon + 1)));
}

/// Whether the part before the first slash means a registry rather than a folder of docker.io.
bool looks_like_registry(std::string_view first) noexcept {
    return first == "localhost" || first.find_first_of(".:") != first.npos || has_upper(first);
}

bool is_identifier(std::string_view text) noexcept {
    return text.size() == 64 &&
           all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

template <typename... Args>
Error invalid(std::string_view text, fmt::format_string<Args...> format, Args&&... args) {
    return Error(ErrorKind::invalid,
                 "invalid reference '{}': {}",
                 text,
                 fmt::format(format, std::forward<Args>(args)...));
}

void refuse_url(std::string_view text) {
    const size_t at = text.find("://");
    if (at == text.npos) {
        return;
    }
    throw invalid(text, "has a transport '{}'", text.substr(0, at + 3))
        .with_hint(fmt::format("did you mean '{}'?", text.substr(at + 3)));
}

void check_repository(std::string_view text, std::string_view repository) {
    if (repository.empty()) {
        throw invalid(text, "has no repository");
    }
    if (repository.size() > kMaxRepositoryLength) {
        throw invalid(text, "repository is longer than {} characters", kMaxRepositoryLength);
    }
    for (const auto component : split(repository, '/')) {
        if (is_path_component(component)) {
            continue;
        }
        if (has_upper(component) && is_path_component(to_lower(component))) {
            throw invalid(text, "repository '{}' must be lower case", repository)
                .with_hint(fmt::format("did you mean '{}'?", to_lower(repository)));
        }
        throw invalid(text,
                      "invalid repository '{}' (lower-case letters and digits, parted by '/', '.', "
                      "'-', '_' or '__')",
                      repository);
    }
}

Error invalid_tag(std::string_view text, std::string_view tag) {
    return invalid(text,
                   "invalid tag '{}' (up to {} letters, digits, '_', '.' and '-', not beginning "
                   "with '.' or '-')",
                   tag,
                   kMaxTagLength);
}

struct Name {
    std::string_view registry;
    std::string repository;
};

/// Completes the name as docker does.
Name split_name(std::string_view name) {
    const size_t slash = name.find('/');
    Name result{kDefaultRegistry, std::string(name)};
    if (slash != name.npos && looks_like_registry(name.substr(0, slash))) {
        result = {name.substr(0, slash), std::string(name.substr(slash + 1))};
    }
    if (result.registry == kLegacyRegistry) {
        result.registry = kDefaultRegistry;
    }
    const bool is_official = result.registry == kDefaultRegistry && !result.repository.empty() &&
                             result.repository.find('/') == std::string::npos;
    if (is_official) {
        result.repository.insert(0, kOfficialPrefix);
    }
    return result;
}

/// Where the tag's colon is: the last colon, unless it belongs to the registry.
size_t find_tag_colon(std::string_view text) noexcept {
    const size_t slash = text.rfind('/');
    return text.find(':', slash == text.npos ? 0 : slash);
}

}  // namespace

bool is_valid_tag(std::string_view text) noexcept {
    return !text.empty() && text.size() <= kMaxTagLength && text.front() != '.' &&
           text.front() != '-' && all_of(text, [](char c) {
               return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
           });
}

Reference parse_reference(std::string_view text) {
    if (text.empty()) {
        throw Error(ErrorKind::invalid, "invalid reference '': is empty");
    }
    refuse_url(text);
    if (is_identifier(text) || Digest::try_parse(text)) {
        throw invalid(text, "is an id, not the name of an image");
    }
    const size_t at = text.find('@');
    const std::string_view name_and_tag = text.substr(0, at);
    const size_t colon = find_tag_colon(name_and_tag);
    const Name name = split_name(name_and_tag.substr(0, colon));
    if (!is_registry(name.registry)) {
        throw invalid(text, "invalid registry '{}' (HOST or HOST:PORT)", name.registry);
    }
    check_repository(text, name.repository);

    Reference reference{std::string(name.registry), name.repository};
    if (colon != name_and_tag.npos) {
        const std::string_view tag = name_and_tag.substr(colon + 1);
        if (!is_valid_tag(tag)) {
            throw invalid_tag(text, tag);
        }
        reference.tag_ = tag;
    }
    if (at != text.npos) {
        reference.digest_ = doing(fmt::format("invalid reference '{}'", text),
                                  [&] { return Digest::parse(text.substr(at + 1)); });
    }
    if (!reference.tag_ && !reference.digest_) {
        reference.tag_ = kDefaultTag;
    }
    return reference;
}

std::string Reference::name() const {
    return fmt::format("{}/{}", registry_, repository_);
}

std::string Reference::familiar_name() const {
    if (registry_ != kDefaultRegistry) {
        return name();
    }
    const std::string_view repository = repository_;
    if (!repository.starts_with(kOfficialPrefix)) {
        const std::string_view first = repository.substr(0, repository.find('/'));
        return looks_like_registry(first) ? name() : repository_;
    }
    const std::string_view rest = repository.substr(kOfficialPrefix.size());
    if (rest.find('/') != rest.npos) {
        return repository_;
    }
    // The short name must not turn into an id.
    return is_identifier(rest) ? repository_ : std::string(rest);
}

namespace {

std::string with_tag_and_digest(std::string name, const Reference& reference) {
    if (reference.tag()) {
        name += fmt::format(":{}", *reference.tag());
    }
    if (reference.digest()) {
        name += fmt::format("@{}", *reference.digest());
    }
    return name;
}

}  // namespace

std::string Reference::to_string() const {
    return with_tag_and_digest(name(), *this);
}

std::string Reference::familiar() const {
    std::string text = with_tag_and_digest(familiar_name(), *this);
    // A repository called "sha256" with a tag like a digest would be taken for an id.
    return Digest::try_parse(text) ? to_string() : text;
}

Reference Reference::with_digest(Digest digest) const {
    Reference other(registry_, repository_);
    other.digest_ = std::move(digest);
    return other;
}

Reference Reference::with_tag(std::string_view tag) const {
    if (!is_valid_tag(tag)) {
        throw invalid_tag(name(), tag);
    }
    Reference other(registry_, repository_);
    other.tag_ = tag;
    return other;
}

}  // namespace nau::oci
