#pragma once

// The identity of a container: 64 lower-case hexadecimal digits, drawn at random, unique on the
// machine whatever the namespace. A ContainerId that exists is well-formed, so it may become a file
// name.

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace nau::storage {

class ContainerId {
  public:
    static constexpr size_t kLength = 64;

    /// From the kernel's random numbers.
    static ContainerId generate();
    /// @throws Error{invalid}
    static ContainerId parse(std::string_view text);
    static std::optional<ContainerId> try_parse(std::string_view text);

    const std::string& to_string() const noexcept { return text_; }
    /// The first 12 digits, for people.
    std::string_view short_id() const noexcept { return std::string_view(text_).substr(0, 12); }

    friend bool operator==(const ContainerId&, const ContainerId&) noexcept = default;
    friend auto operator<=>(const ContainerId&, const ContainerId&) noexcept = default;

  private:
    explicit ContainerId(std::string_view text) : text_(text) {}

    std::string text_;
};

}  // namespace nau::storage

template <>
struct std::hash<nau::storage::ContainerId> {
    size_t operator()(const nau::storage::ContainerId& id) const noexcept {
        return std::hash<std::string>{}(id.to_string());
    }
};

template <>
struct fmt::formatter<nau::storage::ContainerId> : fmt::formatter<fmt::string_view> {
    auto format(const nau::storage::ContainerId& id, fmt::format_context& context) const {
        return fmt::formatter<fmt::string_view>::format(id.to_string(), context);
    }
};
