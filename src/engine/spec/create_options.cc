// The grammars of the other flags of run and create. Pure: texts in, values out.

#include "engine/spec/create_options.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "logs/codec.h"
#include "oci/platform.h"

namespace nau::engine {

namespace {

template <size_t size>
bool is_one_of(std::string_view word, const std::array<std::string_view, size>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_ip_address(const std::string& text) noexcept {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool is_device_permissions(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 3 && text.find_first_not_of("rwm") == text.npos;
}

std::string checked_absolute(std::string_view path) {
    if (!path.starts_with('/')) {
        throw Error(ErrorKind::invalid, "'{}' is not an absolute path", path);
    }
    return std::string(path);
}

uint64_t parse_limit(std::string_view text) {
    if (text == "-1" || text == "unlimited") {
        return std::numeric_limits<uint64_t>::max();
    }
    const auto number = parse_uint64(text);
    if (!number) {
        throw Error(ErrorKind::invalid, "'{}' is neither a number nor -1", text);
    }
    return *number;
}

}  // namespace

PullPolicy parse_pull_policy(std::string_view word) {
    if (word == "missing" || word == "ifnotpresent") {
        return PullPolicy::missing;
    }
    if (word == "always") {
        return PullPolicy::always;
    }
    if (word == "never") {
        return PullPolicy::never;
    }
    if (word == "newer") {
        return PullPolicy::newer;
    }
    throw Error(ErrorKind::invalid, "must be missing, always, never or newer");
}

DeviceRequest parse_device_flag(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() > 3) {
        throw Error(ErrorKind::invalid, "has more than three parts");
    }
    DeviceRequest device;
    device.host_path = checked_absolute(parts[0]);
    device.container_path = device.host_path;
    if (parts.size() == 2 && is_device_permissions(parts[1])) {
        device.permissions = parts[1];
        return device;
    }
    if (parts.size() > 1) {
        device.container_path = checked_absolute(parts[1]);
    }
    if (parts.size() > 2) {
        if (!is_device_permissions(parts[2])) {
            throw Error(ErrorKind::invalid, "permissions '{}' are not of r, w and m", parts[2]);
        }
        device.permissions = parts[2];
    }
    return device;
}

UlimitRequest parse_ulimit_flag(std::string_view text) {
    constexpr std::array<std::string_view, 15> kTypes = {"as",
                                                         "core",
                                                         "cpu",
                                                         "data",
                                                         "fsize",
                                                         "locks",
                                                         "memlock",
                                                         "msgqueue",
                                                         "nice",
                                                         "nofile",
                                                         "nproc",
                                                         "rss",
                                                         "rtprio",
                                                         "rttime",
                                                         "sigpending"};
    const auto pair = split_once(text, '=');
    if (text == "host") {
        throw Error(ErrorKind::unsupported, "the host's limits as a whole are not supported yet");
    }
    if (!pair) {
        throw Error(ErrorKind::invalid, "is not NAME=SOFT[:HARD]");
    }
    const std::string name = to_lower(pair->first);
    if (name != "stack" && !is_one_of(name, kTypes)) {
        throw Error(ErrorKind::invalid, "unknown limit '{}'", pair->first);
    }
    const auto limits = split_once(pair->second, ':');
    UlimitRequest request{.type = "RLIMIT_" + name};
    std::transform(request.type.begin(), request.type.end(), request.type.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    request.soft = parse_limit(limits ? limits->first : pair->second);
    request.hard = limits ? parse_limit(limits->second) : request.soft;
    if (request.soft > request.hard) {
        throw Error(ErrorKind::invalid, "the soft limit is above the hard one");
    }
    return request;
}

namespace {

void append_paths(std::string_view text, std::vector<std::string>& paths) {
    for (const std::string_view path : split(text, ':')) {
        paths.push_back(checked_absolute(path));
    }
}

void apply_valued_security_opt(std::string_view key,
                               std::string_view value,
                               SecurityOptions& security) {
    if (value.empty()) {
        throw Error(ErrorKind::invalid, "'{}' needs a value", key);
    }
    if (key == "seccomp") {
        security.seccomp_profile = std::string(value);
    } else if (key == "apparmor") {
        security.apparmor_profile = value;
    } else if (key == "label") {
        constexpr std::array<std::string_view, 5> kParts = {
            "user:", "role:", "type:", "level:", "filetype:"};
        const bool is_part = std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
            return value.starts_with(part) && value.size() > part.size();
        });
        if (value != "disable" && value != "nested" && !is_part) {
            throw Error(ErrorKind::invalid, "unknown label option '{}'", value)
                .with_hint("disable, nested, user:, role:, type:, level:, filetype:");
        }
        security.selinux_options.emplace_back(value);
    } else if (key == "mask") {
        append_paths(value, security.masked_paths);
    } else if (key == "unmask") {
        if (to_lower(value) == "all") {
            security.unmasked_paths.emplace_back("ALL");
        } else {
            append_paths(value, security.unmasked_paths);
        }
    } else if (key == "systempaths" && value == "unconfined") {
        security.unmasked_paths.emplace_back("ALL");
    } else if (key == "proc-opts") {
        for (const std::string_view option : split(value, ',')) {
            security.proc_options.emplace_back(option);
        }
    } else if (key == "writable-cgroups" && (value == "true" || value == "false")) {
        security.has_writable_cgroups = value == "true";
    } else {
        throw Error(ErrorKind::invalid, "unknown security option '{}'", key)
            .with_hint(
                "no-new-privileges, seccomp=, mask=, unmask=, systempaths=, proc-opts=, "
                "apparmor=, label=, writable-cgroups");
    }
}

}  // namespace

void apply_security_opt(std::string_view text, SecurityOptions& security) {
    // docker once took a colon; both are still written.
    const size_t separator = text.find_first_of("=:");
    const std::string_view key = text.substr(0, separator);
    if (key == "no-new-privileges") {
        const std::string_view value = separator == text.npos ? "true" : text.substr(separator + 1);
        if (value != "true" && value != "false") {
            throw Error(ErrorKind::invalid, "no-new-privileges is true or false");
        }
        security.no_new_privileges = value == "true";
        return;
    }
    if (text == "writable-cgroups") {
        security.has_writable_cgroups = true;
        return;
    }
    apply_valued_security_opt(
        key, separator == text.npos ? std::string_view() : text.substr(separator + 1), security);
}

std::pair<std::string, std::string> parse_sysctl_flag(std::string_view text) {
    constexpr std::array<std::string_view, 9> kNamespaced = {"kernel.domainname",
                                                             "kernel.msgmax",
                                                             "kernel.msgmnb",
                                                             "kernel.msgmni",
                                                             "kernel.sem",
                                                             "kernel.shmall",
                                                             "kernel.shmmax",
                                                             "kernel.shmmni",
                                                             "kernel.shm_rmid_forced"};
    const auto pair = split_once(text, '=');
    if (!pair || pair->first.empty()) {
        throw Error(ErrorKind::invalid, "is not KEY=VALUE");
    }
    std::string key(pair->first);
    // sysctl(8) takes both; a slash may be part of a name ("net/ipv4/conf/eth0.1/…"), a path not.
    if (key.find('.') == key.npos) {
        std::replace(key.begin(), key.end(), '/', '.');
    }
    const bool is_safe_name =
        key.find("..") == key.npos && key.find('/') == key.npos && key.find('\n') == key.npos;
    const bool is_namespaced =
        is_one_of(key, kNamespaced) || key.starts_with("net.") || key.starts_with("fs.mqueue.");
    if (!is_safe_name || !is_namespaced) {
        throw Error(ErrorKind::invalid, "'{}' does not belong to a container", key)
            .with_hint(
                "only kernel.msg*, kernel.sem, kernel.shm*, kernel.domainname, fs.mqueue.* "
                "and net.* do");
    }
    // One write sets one value; a line end would smuggle in another (CVE-2022-0811).
    if (pair->second.find_first_of("\n\r") != std::string_view::npos) {
        throw Error(ErrorKind::invalid, "the value has a line end");
    }
    return {std::move(key), std::string(pair->second)};
}

std::vector<std::pair<std::string, std::string>> parse_add_host_flag(std::string_view text) {
    const size_t separator = text.find_first_of("=:");
    if (separator == text.npos || separator == 0) {
        throw Error(ErrorKind::invalid, "is not NAME:ADDRESS");
    }
    std::string address(text.substr(separator + 1));
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    if (address != "host-gateway" && !is_ip_address(address)) {
        throw Error(ErrorKind::invalid, "'{}' is not an IP address", address);
    }
    std::vector<std::pair<std::string, std::string>> hosts;
    for (const std::string_view name : split(text.substr(0, separator), ';')) {
        if (name.empty() || name.find_first_of(" \t\r\n#") != name.npos) {
            throw Error(ErrorKind::invalid, "'{}' is no host name", name);
        }
        hosts.emplace_back(name, address);
    }
    return hosts;
}

std::string parse_log_driver(std::string_view text) {
    constexpr std::array<std::string_view, 6> kDrivers = {
        "k8s-file", "json-file", "journald", "passthrough", "passthrough-tty", "none"};
    if (is_one_of(text, kDrivers)) {
        return std::string(text);
    }
    constexpr std::array<std::string_view, 8> kOthers = {
        "local", "syslog", "fluentd", "gelf", "splunk", "awslogs", "gcplogs", "etwlogs"};
    const bool is_known = is_one_of(text, kOthers);
    throw Error(is_known ? ErrorKind::unsupported : ErrorKind::invalid,
                "{} log driver '{}' ({})",
                is_known ? "nau has no" : "unknown",
                text,
                fmt::join(kDrivers, ", "));
}

namespace {

void apply_log_size(std::string_view value, LogOptions& log) {
    const uint64_t bytes = value == "-1" ? 0 : parse_size_bytes(value);
    if (bytes > uint64_t{std::numeric_limits<int64_t>::max()}) {
        throw Error(ErrorKind::invalid, "max-size is too large");
    }
    log.max_size_bytes = value == "-1" ? -1 : static_cast<int64_t>(bytes);
}

void apply_log_tag(std::string_view value, LogOptions& log) {
    const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (has_control || value.size() > logs::kMaxTag) {
        throw Error(ErrorKind::invalid,
                    "tag is a text of at most {} bytes without control characters",
                    logs::kMaxTag);
    }
    log.tag = value;
}

}  // namespace

void apply_log_opt(std::string_view text, LogOptions& log) {
    const auto pair = split_once(text, '=');
    if (!pair) {
        throw Error(ErrorKind::invalid, "is not KEY=VALUE");
    }
    const auto& [key, value] = *pair;
    if (key == "max-size") {
        apply_log_size(value, log);
    } else if (key == "max-file") {
        const auto count = parse_uint64(value);
        if (!count || *count == 0 || *count > 1000) {
            throw Error(ErrorKind::invalid, "max-file is a number from 1 to 1000");
        }
        log.max_files = static_cast<int>(*count);
    } else if (key == "compress") {
        if (value != "true" && value != "false") {
            throw Error(ErrorKind::invalid, "compress is true or false");
        }
        log.compresses = value == "true";
    } else if (key == "tag") {
        apply_log_tag(value, log);
    } else {
        throw Error(
            ErrorKind::invalid, "unknown log option '{}' (max-size, max-file, compress, tag)", key);
    }
    log.given[std::string(key)] = value;
}

std::vector<std::pair<std::string, std::optional<std::string>>> parse_env_lines(
    std::string_view text, std::string_view file) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) {
        text.remove_prefix(kByteOrderMark.size());
    }
    std::vector<std::pair<std::string, std::optional<std::string>>> variables;
    size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const auto pair = split_once(line, '=');
        const std::string_view name = pair ? pair->first : trim(line);
        if (name.empty() || name.find_first_of(" \t") != name.npos) {
            throw Error(
                ErrorKind::invalid, "{}: line {}: '{}' is no variable name", file, number, name);
        }
        variables.emplace_back(name,
                               pair ? std::optional<std::string>(pair->second) : std::nullopt);
    }
    return variables;
}

SecretRequest parse_secret_flag(std::string_view text) {
    SecretRequest request;
    std::string target;
    const auto id_of = [](std::string_view key, std::string_view value) {
        const auto number = parse_uint64(value);
        if (!number || *number >= UINT32_MAX) {
            throw Error(ErrorKind::invalid, "'{}={}' is no id", key, value);
        }
        return static_cast<uint32_t>(*number);
    };
    for (const std::string_view field : split(text, ',')) {
        const auto pair = split_once(field, '=');
        const std::string_view key = pair ? pair->first : "source";
        const std::string_view value = pair ? pair->second : field;
        if (key == "source" && request.secret.empty()) {
            request.secret = value;
        } else if (key == "type" && (value == "mount" || value == "env")) {
            request.is_variable = value == "env";
        } else if (key == "target") {
            target = value;
        } else if (key == "uid") {
            request.uid = id_of(key, value);
        } else if (key == "gid") {
            request.gid = id_of(key, value);
        } else if (const auto mode = parse_octal(value); key == "mode" && mode && *mode <= 07777) {
            request.mode = static_cast<uint32_t>(*mode);
        } else {
            throw Error(ErrorKind::invalid, "unknown or wrong option '{}'", field)
                .with_hint("NAME,type=mount|env,target=…,uid=…,gid=…,mode=…");
        }
    }
    if (request.secret.empty()) {
        throw Error(ErrorKind::invalid, "names no secret");
    }
    request.target = target.empty() ? request.secret : target;
    if (request.is_variable) {
        if (request.target.find('=') != request.target.npos) {
            throw Error(ErrorKind::invalid, "'{}' is no variable name", request.target);
        }
        return request;
    }
    if (!request.target.starts_with('/')) {
        request.target = "/run/secrets/" + request.target;
    }
    return request;
}

VolumesFromRequest parse_volumes_from_flag(std::string_view text) {
    const size_t colon = text.find(':');
    VolumesFromRequest request{.container = std::string(text.substr(0, colon)),
                               .is_read_only = std::nullopt};
    if (request.container.empty()) {
        throw Error(ErrorKind::invalid, "names no container");
    }
    if (colon == text.npos) {
        return request;
    }
    for (const std::string_view word : split(text.substr(colon + 1), ',')) {
        if (word == "ro" || word == "rw") {
            request.is_read_only = word == "ro";
        } else if (word != "z") {
            throw Error(ErrorKind::invalid, "unknown option '{}' (ro, rw, z)", word);
        }
    }
    return request;
}

void check_time_zone(std::string_view name) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '+' || c == '_' || c == '/';
    };
    if (name.empty() || name.front() == '/' || !std::all_of(name.begin(), name.end(), is_allowed)) {
        throw Error(ErrorKind::invalid, "'{}' is no name of a time zone", name)
            .with_hint("such as Europe/Berlin, or local");
    }
}

void check_hostname(std::string_view name) {
    constexpr size_t kLongest = 64;  // of the kernel
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    if (name.empty() || name.size() > kLongest || name.front() == '-' || name.front() == '.' ||
        !std::all_of(name.begin(), name.end(), is_allowed)) {
        throw Error(ErrorKind::invalid, "'{}' is no host name", name)
            .with_hint("at most 64 letters, digits, '-', '_' and '.'");
    }
}

}  // namespace nau::engine
