#include "sys/capabilities.h"

#include <cerrno>
#include <memory>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::sys {

namespace {

using LibcapText = std::unique_ptr<char, int (*)(void*)>;

constexpr std::string_view kPrefix = "cap_";

/// The value of "CapEff:\t000001ffffffffff" in the text of /proc/<pid>/status.
CapabilitySet find_set(std::string_view status, std::string_view name) {
    for (const auto line : split(status, '\n')) {
        const auto field = split_once(line, ':');
        if (!field || field->first != name) {
            continue;
        }
        uint64_t mask = 0;
        for (const char digit : trim(field->second)) {
            const bool is_letter = digit >= 'a' && digit <= 'f';
            mask = mask << 4 | static_cast<uint64_t>(is_letter ? digit - 'a' + 10 : digit - '0');
        }
        return CapabilitySet(mask);
    }
    throw Error(ErrorKind::corrupt, "/proc/self/status: no {}", name);
}

}  // namespace

std::optional<unsigned> parse_capability(std::string_view name) {
    std::string full = to_lower(name);
    if (!full.starts_with(kPrefix)) {
        full.insert(0, kPrefix);
    }
    cap_value_t number = 0;
    if (full.find('\0') != full.npos || ::cap_from_name(full.c_str(), &number) != 0) {
        return std::nullopt;
    }
    // libcap stops reading at the first byte that cannot be part of a name.
    const LibcapText known(::cap_to_name(number), &::cap_free);
    if (known == nullptr || full != known.get()) {
        return std::nullopt;
    }
    return static_cast<unsigned>(number);
}

std::string capability_name(unsigned number) {
    const LibcapText name(::cap_to_name(static_cast<int>(number)), &::cap_free);
    // libcap answers with the bare number when it knows no name.
    if (name == nullptr || !std::string_view(name.get()).starts_with(kPrefix)) {
        return fmt::format("CAP_{}", number);
    }
    std::string upper = name.get();
    for (char& c : upper) {
        if (c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return upper;
}

unsigned last_capability() {
    if (const auto text = read_file_if_exists("/proc/sys/kernel/cap_last_cap", 64)) {
        if (const auto number = parse_uint64(trim(*text)); number && *number < 64) {
            return static_cast<unsigned>(*number);
        }
    }
    for (unsigned number = 0; number < 64; ++number) {
        if (raw::prctl(PR_CAPBSET_READ, number) == -EINVAL) {
            return number - 1;
        }
    }
    return 63;
}

std::vector<std::string> CapabilitySet::names() const {
    std::vector<std::string> list;
    for (unsigned number = 0; number < 64; ++number) {
        if (contains(number)) {
            list.push_back(capability_name(number));
        }
    }
    return list;
}

ProcessCapabilities own_capabilities() {
    const std::string status = read_file("/proc/thread-self/status", size_t{64} * 1024);
    return {.inheritable = find_set(status, "CapInh"),
            .permitted = find_set(status, "CapPrm"),
            .effective = find_set(status, "CapEff"),
            .bounding = find_set(status, "CapBnd"),
            .ambient = find_set(status, "CapAmb")};
}

}  // namespace nau::sys
