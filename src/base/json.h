#pragma once

// Reading JSON of foreign origin with errors that name the place: "image config:
// rootfs.diff_ids[2]: is not a string". A Field is a cursor: a value and the path that led to it;
// it borrows the document, which must outlive it. Unknown members are ignored, as the OCI specs
// ask; wrong types never are.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace nau::json {

using Value = nlohmann::json;

/// Parses a whole document. Nesting deeper than 128 levels is refused, so that hostile text cannot
/// exhaust the stack. `what` names the document in errors. @throws Error{corrupt}
Value parse(std::string_view text, std::string_view what);

/// Compact text; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Value& value);
/// Indented by four blanks, for people.
std::string to_pretty_text(const Value& value);

class Field {
  public:
    /// The root of a document; `what` begins every error.
    Field(const Value& value, std::string_view what) : value_(&value), path_(what) {}

    const Value& value() const noexcept { return *value_; }
    const std::string& path() const noexcept { return path_; }

    /// The member; @throws Error{corrupt} when this is no object or the member is absent or null.
    Field at(const char* name) const;
    /// The member, or nullopt when it is absent or null. @throws Error{corrupt} when this is no
    /// object
    std::optional<Field> find(const char* name) const;

    std::string as_string() const;
    bool as_bool() const;
    int64_t as_int64() const;
    uint64_t as_uint64() const;
    double as_double() const;
    /// The elements of an array.
    std::vector<Field> elements() const;
    /// The members of an object, in the order of their names; null members are left out.
    std::vector<std::pair<std::string, Field>> members() const;
    std::vector<std::string> as_string_list() const;
    std::map<std::string, std::string> as_string_map() const;

    // The member's value, or a default when it is absent or null.
    std::string string_or(const char* name, std::string fallback) const;
    bool bool_or(const char* name, bool fallback) const;
    int64_t int64_or(const char* name, int64_t fallback) const;
    uint64_t uint64_or(const char* name, uint64_t fallback) const;
    std::vector<std::string> string_list_or_empty(const char* name) const;
    std::map<std::string, std::string> string_map_or_empty(const char* name) const;

    std::optional<std::string> optional_string(const char* name) const;
    std::optional<int64_t> optional_int64(const char* name) const;
    std::optional<uint64_t> optional_uint64(const char* name) const;
    std::optional<bool> optional_bool(const char* name) const;

    /// "<path>: <problem>" as Error{corrupt}, for a caller's own checks.
    [[noreturn]] void fail(std::string_view problem) const;

  private:
    Field(const Value& value, std::string path, int /*tag*/)
        : value_(&value), path_(std::move(path)) {}

    const Value* value_;
    std::string path_;
};

}  // namespace nau::json
