// The grammars of the flags about block devices and device rules. Pure.

#include "base/error.h"
#include "base/parse.h"
#include "engine/spec/create_options.h"

namespace nau::engine {

namespace {

constexpr uint64_t kSmallestWeight = 10;
constexpr uint64_t kLargestWeight = 1000;

std::optional<int64_t> parse_device_number(std::string_view text) {
    if (text == "*") {
        return std::nullopt;
    }
    const auto number = parse_uint64(text);
    if (!number || *number > UINT32_MAX) {
        throw Error(ErrorKind::invalid, "'{}' is neither a device number nor *", text);
    }
    return static_cast<int64_t>(*number);
}

std::pair<std::string, std::string_view> split_device(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == text.npos || colon == 0 || colon + 1 == text.size()) {
        throw Error(ErrorKind::invalid, "is not DEVICE:NUMBER");
    }
    if (text.front() != '/') {
        throw Error(ErrorKind::invalid, "'{}' is not an absolute path", text.substr(0, colon));
    }
    return {std::string(text.substr(0, colon)), text.substr(colon + 1)};
}

}  // namespace

DeviceRuleRequest parse_device_rule_flag(std::string_view text) {
    const auto words = split(text, ' ');
    constexpr size_t kParts = 3;
    if (words.size() != kParts || (words[0] != "a" && words[0] != "b" && words[0] != "c")) {
        throw Error(ErrorKind::invalid, "is not 'TYPE MAJOR:MINOR ACCESS'")
            .with_hint("such as 'c 42:* rwm'; the type is a, b or c");
    }
    const auto numbers = split_once(words[1], ':');
    if (!numbers) {
        throw Error(ErrorKind::invalid, "'{}' is not MAJOR:MINOR", words[1]);
    }
    if (words[2].empty() || words[2].find_first_not_of("rwm") != words[2].npos) {
        throw Error(ErrorKind::invalid, "the access '{}' is not of r, w and m", words[2]);
    }
    return {.type = std::string(words[0]),
            .major = parse_device_number(numbers->first),
            .minor = parse_device_number(numbers->second),
            .access = std::string(words[2])};
}

DeviceNumber parse_device_weight_flag(std::string_view text) {
    auto [path, number] = split_device(text);
    const auto weight = parse_uint64(number);
    if (!weight || *weight < kSmallestWeight || *weight > kLargestWeight) {
        throw Error(ErrorKind::invalid, "the weight '{}' is not from 10 to 1000", number);
    }
    return {.path = std::move(path), .number = *weight};
}

DeviceNumber parse_device_bytes_flag(std::string_view text) {
    auto [path, number] = split_device(text);
    return {.path = std::move(path), .number = parse_size_bytes(number)};
}

DeviceNumber parse_device_count_flag(std::string_view text) {
    auto [path, number] = split_device(text);
    const auto count = parse_uint64(number);
    if (!count) {
        throw Error(ErrorKind::invalid, "'{}' is not a number", number);
    }
    return {.path = std::move(path), .number = *count};
}

}  // namespace nau::engine
