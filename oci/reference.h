#pragma once

// What a user types to name an image, completed and taken apart:
//
//   [REGISTRY/]REPOSITORY[:TAG][@DIGEST]
//
//   alpine                        docker.io / library/alpine : latest
//   quay.io/fedora/fedora:41      quay.io / fedora/fedora : 41
//   localhost:5000/app@sha256:…   localhost:5000 / app @ sha256:…
//
// The first part is a registry only if it has a dot, a colon or an upper-case letter, or is
// "localhost". With both tag and digest the digest decides what is fetched.

#include <algorithm>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "oci/digest.h"

namespace nau::oci {

inline constexpr std::string_view kDefaultRegistry = "docker.io";
inline constexpr std::string_view kDefaultTag = "latest";

class Reference {
  public:
    /// "docker.io", "localhost:5000", "[::1]:5000"
    const std::string& registry() const noexcept { return registry_; }
    /// "library/alpine"
    const std::string& repository() const noexcept { return repository_; }
    /// Absent only when there is a digest.
    const std::optional<std::string>& tag() const noexcept { return tag_; }
    const std::optional<Digest>& digest() const noexcept { return digest_; }

    /// Registry and repository: "docker.io/library/alpine".
    std::string name() const;
    /// The canonical text: "docker.io/library/alpine:3.20@sha256:…"; parses to an equal Reference.
    std::string to_string() const;
    /// As people write it: docker.io and library/ left out, tag and digest kept: "alpine:3.20".
    /// Parses to an equal Reference.
    std::string familiar() const;
    /// Registry and repository as people write them: "alpine", "quay.io/fedora/fedora".
    std::string familiar_name() const;

    /// The same repository, this content and no tag.
    Reference with_digest(Digest digest) const;
    /// The same repository, this tag and no digest. @throws Error{invalid}
    Reference with_tag(std::string_view tag) const;

    friend bool operator==(const Reference&, const Reference&) = default;
    friend auto operator<=>(const Reference&, const Reference&) = default;

  private:
    friend Reference parse_reference(std::string_view text);
    Reference(std::string registry, std::string repository)
        : registry_(std::move(registry)), repository_(std::move(repository)) {}

    std::string registry_;
    std::string repository_;
    std::optional<std::string> tag_;
    std::optional<Digest> digest_;
};

/// @throws Error{invalid} naming the part that is wrong
Reference parse_reference(std::string_view text);

/// Whether the text is a tag by the distribution grammar.
bool is_valid_tag(std::string_view text) noexcept;

}  // namespace nau::oci

template <>
struct fmt::formatter<nau::oci::Reference> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    auto format(const nau::oci::Reference& reference, fmt::format_context& context) const {
        const std::string text = reference.to_string();
        return std::copy(text.begin(), text.end(), context.out());
    }
};
