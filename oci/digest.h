#pragma once

// A digest names bytes by what they are: "sha256:" plus 64 lower-case hexadecimal digits, or
// "sha512:" plus 128. A Digest that exists is well-formed, whoever wrote its text, so it may become
// a file name; anything else never gets past parse(). The same bytes are told apart by role:
// Digest names a blob, DiffId the uncompressed tar of a layer, ChainId a stack of layers.

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace nau::oci {

enum class DigestAlgorithm : uint8_t { sha256, sha512 };

/// "sha256" or "sha512".
std::string_view to_string(DigestAlgorithm algorithm) noexcept;

class Digest {
  public:
    /// @throws Error{invalid} for anything but a registered algorithm and its number of lower-case
    /// hexadecimal digits
    static Digest parse(std::string_view text);
    static std::optional<Digest> try_parse(std::string_view text);

    DigestAlgorithm algorithm() const noexcept { return algorithm_; }
    std::string_view hex() const noexcept { return std::string_view(text_).substr(7); }
    /// The first 12 hexadecimal digits, for people.
    std::string_view short_id() const noexcept { return hex().substr(0, 12); }
    /// "sha256:<hex>"
    const std::string& to_string() const noexcept { return text_; }

    friend bool operator==(const Digest& a, const Digest& b) noexcept { return a.text_ == b.text_; }
    friend auto operator<=>(const Digest& a, const Digest& b) noexcept {
        return a.text_ <=> b.text_;
    }

  private:
    Digest(DigestAlgorithm algorithm, std::string_view text) : algorithm_(algorithm), text_(text) {}

    DigestAlgorithm algorithm_;
    std::string text_;
};

/// A digest with a role of its own, which does not turn into another role by accident.
template <typename Role>
class RoleDigest {
  public:
    explicit RoleDigest(Digest digest) noexcept : digest_(std::move(digest)) {}
    /// @throws Error{invalid}
    static RoleDigest parse(std::string_view text) { return RoleDigest(Digest::parse(text)); }

    const Digest& digest() const noexcept { return digest_; }
    std::string_view hex() const noexcept { return digest_.hex(); }
    std::string_view short_id() const noexcept { return digest_.short_id(); }
    const std::string& to_string() const noexcept { return digest_.to_string(); }

    friend bool operator==(const RoleDigest&, const RoleDigest&) noexcept = default;
    friend auto operator<=>(const RoleDigest&, const RoleDigest&) noexcept = default;

  private:
    Digest digest_;
};

/// Digest of a layer's uncompressed tar; stands in the image config's rootfs.diff_ids.
using DiffId = RoleDigest<struct DiffIdRole>;
/// Digest of a stack of layers; see identity.h.
using ChainId = RoleDigest<struct ChainIdRole>;

/// Computes a digest piece by piece. Cheap to make: the first one loads nothing.
class Hasher {
  public:
    explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
    Hasher(Hasher&& other) noexcept;
    Hasher& operator=(Hasher&& other) noexcept;
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;
    ~Hasher();

    DigestAlgorithm algorithm() const noexcept { return algorithm_; }
    void update(std::span<const std::byte> bytes) noexcept;
    void update(std::string_view bytes) noexcept;
    /// @pre called once, and no update() after it
    Digest finish();

  private:
    struct State;
    DigestAlgorithm algorithm_;
    std::unique_ptr<State> state_;
};

Digest digest_of(std::span<const std::byte> bytes,
                 DigestAlgorithm algorithm = DigestAlgorithm::sha256);
Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

}  // namespace nau::oci

template <>
struct std::hash<nau::oci::Digest> {
    size_t operator()(const nau::oci::Digest& digest) const noexcept {
        return std::hash<std::string>{}(digest.to_string());
    }
};

template <typename Role>
struct std::hash<nau::oci::RoleDigest<Role>> {
    size_t operator()(const nau::oci::RoleDigest<Role>& digest) const noexcept {
        return std::hash<nau::oci::Digest>{}(digest.digest());
    }
};

// Written out here because fmt's own formatter for text lives in the heavier fmt/format.h.
template <>
struct fmt::formatter<nau::oci::Digest> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    auto format(const nau::oci::Digest& digest, fmt::format_context& context) const {
        const std::string& text = digest.to_string();
        return std::copy(text.begin(), text.end(), context.out());
    }
};

template <typename Role>
struct fmt::formatter<nau::oci::RoleDigest<Role>> : fmt::formatter<nau::oci::Digest> {
    auto format(const nau::oci::RoleDigest<Role>& digest, fmt::format_context& context) const {
        return fmt::formatter<nau::oci::Digest>::format(digest.digest(), context);
    }
};
