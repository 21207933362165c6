#include "cli/flag_set.h"

#include <limits>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/parse.h"

namespace nau::cli {

namespace {

/// run has some ninety; one allocation for all.
constexpr size_t kUsualFlags = 128;

void set_names(std::string_view names, Flag& flag) {
    for (const std::string_view name : split(names, ',')) {
        if (name.starts_with("--")) {
            flag.long_name = name.substr(2);
        } else {
            NAU_ASSERT(name.size() == 2 && name.front() == '-');
            flag.short_name = name.back();
        }
    }
}

template <typename Number>
Number whole_number(std::string_view text) {
    if constexpr (std::is_unsigned_v<Number>) {
        if (const auto number = parse_uint64(text)) {
            return *number;
        }
    } else if (const auto number = parse_int64(text);
               number && *number >= std::numeric_limits<Number>::min() &&
               *number <= std::numeric_limits<Number>::max()) {
        return static_cast<Number>(*number);
    }
    throw Error(ErrorKind::invalid, "is not a whole number in range");
}

bool truth_of(std::string_view text) {
    for (const std::string_view word : {"true", "1", "t", "T", "TRUE", "True"}) {
        if (text == word) {
            return true;
        }
    }
    for (const std::string_view word : {"false", "0", "f", "F", "FALSE", "False"}) {
        if (text == word) {
            return false;
        }
    }
    throw Error(ErrorKind::invalid, "is neither true nor false");
}

}  // namespace

std::string_view to_string(Complete kind) noexcept {
    switch (kind) {
        case Complete::nothing:
            return "nothing";
        case Complete::file:
            return "file";
        case Complete::directory:
            return "directory";
        case Complete::container:
            return "container";
        case Complete::running_container:
            return "running_container";
        case Complete::image:
            return "image";
    }
    return "nothing";
}

std::string Flag::display_name() const {
    return long_name.empty() ? fmt::format("-{}", short_name) : fmt::format("--{}", long_name);
}

FlagSet::FlagSet(std::string command) : command_(std::move(command)) {
    flags_.reserve(kUsualFlags);
}

Flag& FlagSet::parsed(std::string_view names,
                      std::string_view value_name,
                      std::string_view description,
                      Store store) {
    Flag& flag = flags_.emplace_back();
    set_names(names, flag);
    flag.value_name = value_name;
    flag.description = description;
    flag.section = section_;
    flag.store = std::move(store);
    return flag;
}

Flag& FlagSet::toggle(std::string_view names, std::string_view description, bool& target) {
    Flag& flag = parsed(
        names, {}, description, [&target](std::string_view text) { target = truth_of(text); });
    flag.default_text = target ? "true" : "";
    return flag;
}

Flag& FlagSet::toggle(std::string_view names,
                      std::string_view description,
                      std::optional<bool>& target) {
    return parsed(
        names, {}, description, [&target](std::string_view text) { target = truth_of(text); });
}

Flag& FlagSet::list(std::string_view names,
                    std::string_view value_name,
                    std::string_view description,
                    std::vector<std::string>& target) {
    return parsed(names,
                  value_name,
                  description,
                  [&target](std::string_view text) { target.emplace_back(text); })
        .repeatable();
}

Argument& FlagSet::argument(std::string_view name, std::string& target) {
    Argument& added = arguments_.emplace_back();
    added.name = name;
    added.store = store_in(target);
    return added;
}

Argument& FlagSet::arguments(std::string_view name, std::vector<std::string>& target) {
    Argument& added = arguments_.emplace_back();
    added.name = name;
    added.is_list = true;
    added.store = [&target](std::string_view text) { target.emplace_back(text); };
    return added;
}

std::span<const Flag> FlagSet::own_flags() const noexcept {
    return std::span(flags_).first(first_global_.value_or(flags_.size()));
}

const Flag* FlagSet::find_long(std::string_view name) const noexcept {
    for (const Flag& flag : flags_) {
        if (flag.long_name == name && !name.empty()) {
            return &flag;
        }
    }
    return nullptr;
}

const Flag* FlagSet::find_short(char name) const noexcept {
    for (const Flag& flag : flags_) {
        if (flag.short_name == name && name != '\0') {
            return &flag;
        }
    }
    return nullptr;
}

Store FlagSet::store_in(std::string& target) {
    return [&target](std::string_view text) { target = text; };
}

Store FlagSet::store_in(std::optional<std::string>& target) {
    return [&target](std::string_view text) { target = std::string(text); };
}

Store FlagSet::store_in(std::optional<int64_t>& target) {
    return [&target](std::string_view text) { target = whole_number<int64_t>(text); };
}

Store FlagSet::store_in(std::optional<uint64_t>& target) {
    return [&target](std::string_view text) { target = whole_number<uint64_t>(text); };
}

Store FlagSet::store_in(std::optional<int>& target) {
    return [&target](std::string_view text) { target = whole_number<int>(text); };
}

Store FlagSet::store_in(uint64_t& target) {
    return [&target](std::string_view text) { target = whole_number<uint64_t>(text); };
}

Store FlagSet::store_in(std::optional<double>& target) {
    return [&target](std::string_view text) {
        const auto number = parse_decimal(text);
        if (!number) {
            throw Error(ErrorKind::invalid, "is not a decimal number");
        }
        target = *number;
    };
}

Store FlagSet::store_in(std::optional<std::chrono::seconds>& target) {
    return [&target](std::string_view text) {
        const auto seconds = whole_number<uint64_t>(text);
        if (seconds > uint64_t{std::numeric_limits<int32_t>::max()}) {
            throw Error(ErrorKind::invalid, "is too long");
        }
        target = std::chrono::seconds(seconds);
    };
}

}  // namespace nau::cli
