#include "oci/platform.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/utsname.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parse.h"
#include "oci/descriptor.h"

namespace nau::oci {

namespace {

constexpr std::array kSystems = {
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
};

constexpr std::array kArchitectures = {
    "386",
    "amd64",
    "arm",
    "arm64",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mipsle",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390x",
    "sparc64",
    "wasm",
    "unknown",
};

struct Spelling {
    std::string_view written;
    std::string_view architecture;
    /// Empty: the variant that was written stays.
    std::string_view variant;
};

constexpr std::array kSpellings = {
    Spelling{"i386", "386", ""},
    Spelling{"i486", "386", ""},
    Spelling{"i586", "386", ""},
    Spelling{"i686", "386", ""},
    Spelling{"x86", "386", ""},
    Spelling{"x86_64", "amd64", ""},
    Spelling{"x86-64", "amd64", ""},
    Spelling{"aarch64", "arm64", ""},
    Spelling{"armhf", "arm", "v7"},
    Spelling{"armel", "arm", "v6"},
    Spelling{"armv8l", "arm", "v8"},
    Spelling{"armv7l", "arm", "v7"},
    Spelling{"armv7", "arm", "v7"},
    Spelling{"armv6l", "arm", "v6"},
    Spelling{"armv6", "arm", "v6"},
    Spelling{"armv5tel", "arm", "v5"},
    Spelling{"armv5tejl", "arm", "v5"},
    Spelling{"loongarch64", "loong64", ""},
};

template <size_t N>
bool is_one_of(const std::array<const char*, N>& words, std::string_view word) noexcept {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
}

void normalize_architecture(Platform& platform) {
    platform.architecture = to_lower(platform.architecture);
    platform.variant = to_lower(platform.variant);
    for (const auto& spelling : kSpellings) {
        if (spelling.written == platform.architecture) {
            platform.architecture = spelling.architecture;
            if (!spelling.variant.empty()) {
                platform.variant = spelling.variant;
            }
            break;
        }
    }
}

void normalize_variant(Platform& platform) {
    std::string& variant = platform.variant;
    const bool has_variants = platform.architecture == "arm" || platform.architecture == "arm64" ||
                              platform.architecture == "amd64";
    if (has_variants && !variant.empty() && variant.front() >= '0' && variant.front() <= '9') {
        variant.insert(0, "v");
    }
    if (platform.architecture == "arm" && variant.empty()) {
        variant = "v7";
    }
    const bool is_redundant = (platform.architecture == "arm64" && variant == "v8") ||
                              (platform.architecture == "amd64" && variant == "v1") ||
                              platform.architecture == "386";
    if (is_redundant) {
        variant.clear();
    }
}

struct ArmVersion {
    uint64_t major = 0;
    uint64_t minor = 0;
};

/// "v8" or "v9.2"; nullopt for any other text.
std::optional<ArmVersion> parse_version(std::string_view variant) noexcept {
    if (variant.empty() || variant.front() != 'v') {
        return std::nullopt;
    }
    variant.remove_prefix(1);
    const auto parts = split_once(variant, '.');
    const auto major = parse_uint64(parts ? parts->first : variant);
    const auto minor = parts ? parse_uint64(parts->second) : std::optional<uint64_t>(0);
    constexpr uint64_t kSane = 99;  // loops run over these
    if (!major || !minor || *major > kSane || *minor > kSane) {
        return std::nullopt;
    }
    return ArmVersion{*major, *minor};
}

struct Machine {
    std::string architecture;
    std::string variant;

    bool operator==(const Machine&) const = default;
};

/// Appends v<major>.<from> down to v<major>, without the wanted one, which stands in front.
void add_arm64_versions(std::vector<Machine>& machines, uint64_t major, uint64_t from) {
    const auto add = [&](std::string variant) {
        Machine machine{"arm64", std::move(variant)};
        if (machine != machines.front()) {
            machines.push_back(std::move(machine));
        }
    };
    for (uint64_t minor = from; minor > 0; --minor) {
        add(fmt::format("v{}.{}", major, minor));
    }
    add(major == 8 ? "" : fmt::format("v{}", major));
}

/// What runs on the machine, best first.
std::vector<Machine> runnable_machines(const Machine& wanted) {
    std::vector<Machine> machines{wanted};
    const auto version = parse_version(wanted.variant);
    if (wanted.architecture == "amd64") {
        for (uint64_t level = version ? version->major : 1; level > 1; --level) {
            machines.push_back({"amd64", level == 2 ? "" : fmt::format("v{}", level - 1)});
        }
        machines.push_back({"386", ""});
    } else if (wanted.architecture == "arm") {
        for (uint64_t level = version ? version->major : 5; level > 5; --level) {
            machines.push_back({"arm", fmt::format("v{}", level - 1)});
        }
    } else if (wanted.architecture == "arm64" && (version || wanted.variant.empty())) {
        ArmVersion arm = version.value_or(ArmVersion{8, 0});
        if (arm.major == 9) {
            add_arm64_versions(machines, 9, arm.minor);
            arm = {8, arm.minor + 5};  // armv9.n holds all of armv8.(n+5)
        }
        if (arm.major == 8) {
            add_arm64_versions(machines, 8, arm.minor);
        }
        for (const char* variant : {"v8", "v7", "v6", "v5"}) {
            machines.push_back({"arm", variant});
        }
    }
    return machines;
}

/// "10.0.17763" accepts itself and "10.0.17763.1"; no wish accepts everything.
bool version_matches(std::string_view candidate, std::string_view wanted) noexcept {
    return wanted.empty() || candidate == wanted ||
           (candidate.starts_with(wanted) && candidate.substr(wanted.size()).starts_with('.'));
}

bool is_word(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '_' || c == '-';
           });
}

/// "windows(10.0.17763)" → os and version.
std::pair<std::string_view, std::string_view> split_os_version(std::string_view text) noexcept {
    const size_t open = text.find('(');
    if (open == text.npos || !text.ends_with(')')) {
        return {text, {}};
    }
    return {text.substr(0, open), text.substr(open + 1, text.size() - open - 2)};
}

#if defined(__x86_64__)
int x86_64_level() noexcept {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("ssse3") ||
        !__builtin_cpu_supports("popcnt")) {
        return 1;
    }
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2")) {
        return 2;
    }
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl")) {
        return 3;
    }
    return 4;
}
#else
int x86_64_level() noexcept {
    return 1;
}
#endif

bool is_attestation(const Descriptor& descriptor) {
    const auto type = descriptor.annotations.find("vnd.docker.reference.type");
    return type != descriptor.annotations.end() && type->second == "attestation-manifest";
}

}  // namespace

std::string to_string(const Platform& platform) {
    std::string text = fmt::format("{}/{}", platform.os, platform.architecture);
    if (!platform.variant.empty()) {
        text += fmt::format("/{}", platform.variant);
    }
    return text;
}

Platform normalize(Platform platform) {
    platform.os = to_lower(platform.os);
    if (platform.os == "macos") {
        platform.os = "darwin";
    }
    normalize_architecture(platform);
    normalize_variant(platform);
    return platform;
}

Platform parse_platform(std::string_view text) {
    const auto parts = split(text, '/');
    const auto [os, os_version] = split_os_version(parts.front());
    const bool all_words = is_word(os) && (os_version.empty() || is_word(os_version)) &&
                           std::all_of(parts.begin() + 1, parts.end(), is_word);
    if (!all_words || parts.size() > 3) {
        throw Error(ErrorKind::invalid,
                    "invalid platform '{}': is not OS, ARCHITECTURE or OS/ARCHITECTURE[/VARIANT]",
                    text);
    }
    if (parts.size() > 1) {
        return normalize({.os = std::string(os),
                          .architecture = std::string(parts[1]),
                          .variant = std::string(parts.size() > 2 ? parts[2] : ""),
                          .os_version = std::string(os_version)});
    }
    Platform host = host_platform();
    if (const Platform as_os = normalize({.os = std::string(os), .architecture = ""});
        is_one_of(kSystems, as_os.os)) {
        host.os = as_os.os;
        host.os_version = os_version;
        return host;
    }
    Platform platform = normalize({.os = host.os, .architecture = std::string(os)});
    if (!is_one_of(kArchitectures, platform.architecture)) {
        throw Error(ErrorKind::invalid,
                    "invalid platform '{}': is neither a known operating system nor a known "
                    "architecture",
                    text);
    }
    return platform;
}

Platform parse_platform(const json::Field& field) {
    return normalize({.os = field.string_or("os", ""),
                      .architecture = field.string_or("architecture", ""),
                      .variant = field.string_or("variant", ""),
                      .os_version = field.string_or("os.version", ""),
                      .os_features = field.string_list_or_empty("os.features")});
}

json::Value to_json(const Platform& platform) {
    json::Value value{{"os", platform.os}, {"architecture", platform.architecture}};
    if (!platform.variant.empty()) {
        value["variant"] = platform.variant;
    }
    if (!platform.os_version.empty()) {
        value["os.version"] = platform.os_version;
    }
    if (!platform.os_features.empty()) {
        value["os.features"] = platform.os_features;
    }
    return value;
}

Platform platform_of_machine(std::string_view machine, int x86_64_level) {
    Platform platform =
        normalize({.os = "linux", .architecture = std::string(machine), .variant = ""});
    if (platform.architecture == "amd64" && x86_64_level > 1) {
        platform.variant = fmt::format("v{}", x86_64_level);
    }
    return platform;
}

Platform host_platform() {
    utsname names{};
    if (uname(&names) != 0) {
        throw SysError(errno, "uname");
    }
    return platform_of_machine(names.machine, x86_64_level());
}

std::optional<size_t> match_rank(const Platform& candidate, const Platform& wanted) {
    const Platform have = normalize(candidate);
    const Platform want = normalize(wanted);
    if (have.os != want.os || !version_matches(have.os_version, want.os_version)) {
        return std::nullopt;
    }
    const auto machines = runnable_machines({want.architecture, want.variant});
    const auto found =
        std::find(machines.begin(), machines.end(), Machine{have.architecture, have.variant});
    if (found == machines.end()) {
        return std::nullopt;
    }
    return static_cast<size_t>(found - machines.begin());
}

const Descriptor* choose_platform(std::span<const Descriptor> manifests, const Platform& wanted) {
    const Descriptor* best = nullptr;
    const Descriptor* without_platform = nullptr;
    size_t best_rank = 0;
    for (const auto& descriptor : manifests) {
        if (is_attestation(descriptor)) {
            continue;
        }
        if (!descriptor.platform) {
            without_platform = without_platform == nullptr ? &descriptor : without_platform;
            continue;
        }
        if (descriptor.platform->os == "unknown" || descriptor.platform->architecture.empty()) {
            continue;
        }
        const auto rank = match_rank(*descriptor.platform, wanted);
        if (rank && (best == nullptr || *rank < best_rank)) {
            best = &descriptor;
            best_rank = *rank;
        }
    }
    return best != nullptr ? best : without_platform;
}

}  // namespace nau::oci
