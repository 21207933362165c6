#include "runtime/users.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/parse.h"

namespace nau::runtime {

namespace {

/// More than any real file has, and little enough to be read whole (CVE-2026-47262).
constexpr size_t kMaxFileBytes = 8 * 1024 * 1024;
/// The kernel's ids have 32 bits, but tools that store them signed turn the upper half into
/// something else, and 4294967295 means "unchanged" (CVE-2024-40635).
constexpr uint64_t kMaxId = 2147483647;
/// NGROUPS_MAX of the kernel.
constexpr size_t kMaxGroups = 65536;

bool is_all_digits(std::string_view text) noexcept {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

uint32_t parse_id(std::string_view digits, std::string_view what) {
    const auto value = parse_uint64(digits);
    if (!value || *value > kMaxId) {
        throw Error(ErrorKind::invalid, "{} '{}' is not between 0 and {}", what, digits, kMaxId);
    }
    return static_cast<uint32_t>(*value);
}

/// Letters, digits, '_', '.', '-', and '$' at the end; any byte above ASCII. Not '-' or '+' first:
/// those are mistyped numbers or NIS entries.
void check_name(std::string_view name, std::string_view what) {
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-' || c == '@' ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    std::string_view body = name;
    if (!body.empty() && body.back() == '$') {
        body.remove_suffix(1);
    }
    if (body.empty() || body.front() == '-' || !std::all_of(body.begin(), body.end(), is_allowed)) {
        throw Error(ErrorKind::invalid, "'{}' is neither a number nor a {} name", name, what);
    }
}

/// Calls `visit` with the fields of each line that has at least `N`; what is shorter is no entry
/// (comments, NIS lines, rubbish) and can match nothing. Stops when `visit` returns true.
template <size_t N, typename Visit>
void for_each_entry(std::string_view text, Visit&& visit) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        std::array<std::string_view, N> fields;
        size_t count = 0;
        while (count < N) {
            // The last field takes what is left up to the next colon: passwd has seven, group four.
            const size_t colon = line.find(':');
            fields[count++] = line.substr(0, colon);
            if (colon == std::string_view::npos) {
                break;
            }
            line = line.substr(colon + 1);
        }
        if (count == N && visit(fields)) {
            return;
        }
    }
}

struct PasswdEntry {
    std::string name;
    uint32_t uid = 0;
    uint32_t gid = 0;
    std::string home;
};

std::optional<PasswdEntry> find_passwd(std::string_view passwd_text,
                                       std::optional<uint32_t> by_uid,
                                       std::string_view by_name) {
    std::optional<PasswdEntry> found;
    for_each_entry<6>(passwd_text, [&](const std::array<std::string_view, 6>& fields) {
        if (by_uid) {
            const auto uid = parse_uint64(fields[2]);
            if (!uid || *uid != *by_uid || fields[0].empty()) {
                return false;
            }
        } else if (fields[0] != by_name) {
            return false;
        }
        found = PasswdEntry{std::string(fields[0]),
                            parse_id(fields[2], "user id of /etc/passwd"),
                            parse_id(fields[3], "group id of /etc/passwd"),
                            std::string(fields[5])};
        return true;
    });
    return found;
}

std::optional<uint32_t> find_group(std::string_view group_text, std::string_view name) {
    std::optional<uint32_t> found;
    for_each_entry<3>(group_text, [&](const std::array<std::string_view, 3>& fields) {
        if (fields[0] != name) {
            return false;
        }
        found = parse_id(fields[2], "group id of /etc/group");
        return true;
    });
    return found;
}

bool lists_member(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        const size_t comma = members.find(',');
        if (trim(members.substr(0, comma)) == name) {
            return true;
        }
        members = comma == std::string_view::npos ? std::string_view{} : members.substr(comma + 1);
    }
    return false;
}

void add_supplementary_groups(std::string_view group_text,
                              std::string_view user_name,
                              std::vector<uint32_t>& gids) {
    for_each_entry<4>(group_text, [&](const std::array<std::string_view, 4>& fields) {
        if (lists_member(fields[3], user_name)) {
            const uint32_t gid = parse_id(fields[2], "group id of /etc/group");
            if (std::find(gids.begin(), gids.end(), gid) == gids.end()) {
                gids.push_back(gid);
            }
            if (gids.size() > kMaxGroups) {
                throw Error(ErrorKind::invalid,
                            "/etc/group puts user '{}' into more than {} groups",
                            user_name,
                            kMaxGroups);
            }
        }
        return false;
    });
}

uint32_t resolve_group_in(std::string_view group_text, std::string_view group) {
    if (is_all_digits(group)) {
        return parse_id(group, "group id");
    }
    check_name(group, "group");
    const auto gid = find_group(group_text, group);
    if (!gid) {
        throw Error(
            ErrorKind::not_found, "group '{}' does not exist in the container's /etc/group", group);
    }
    return *gid;
}

std::string read_or_empty(const sys::DirFd& rootfs, const char* path) {
    return rootfs.read_file_in_root_if_exists(path, kMaxFileBytes).value_or(std::string{});
}

}  // namespace

ResolvedUser resolve_user_in(std::string_view passwd_text,
                             std::string_view group_text,
                             std::string_view user_spec) {
    const size_t colon = user_spec.find(':');
    std::string_view user = user_spec.substr(0, colon);
    const bool has_group = colon != std::string_view::npos;
    const std::string_view group = has_group ? user_spec.substr(colon + 1) : std::string_view{};
    if (has_group && group.empty()) {
        throw Error(ErrorKind::invalid, "'{}' has no group after the colon", user_spec);
    }
    if (user.empty()) {
        user = "0";
    }

    ResolvedUser resolved;
    std::optional<PasswdEntry> entry;
    if (is_all_digits(user)) {
        resolved.uid = parse_id(user, "user id");
        entry = find_passwd(passwd_text, resolved.uid, {});
    } else {
        check_name(user, "user");
        entry = find_passwd(passwd_text, std::nullopt, user);
        if (!entry) {
            throw Error(ErrorKind::not_found,
                        "user '{}' does not exist in the container's /etc/passwd",
                        user);
        }
    }
    if (entry) {
        resolved.uid = entry->uid;
        resolved.gid = entry->gid;
        resolved.name = entry->name;
        // The home directory becomes an environment variable and a working directory.
        if (!entry->home.empty() && entry->home.front() == '/') {
            resolved.home = entry->home;
        }
    }
    if (has_group) {
        resolved.gid = resolve_group_in(group_text, group);
    }
    resolved.additional_gids.push_back(resolved.gid);
    if (entry && !has_group) {
        add_supplementary_groups(group_text, resolved.name, resolved.additional_gids);
    }
    return resolved;
}

ResolvedUser resolve_user(const sys::DirFd& rootfs, std::string_view user_spec) {
    return doing("user of the container", [&] {
        return resolve_user_in(
            read_or_empty(rootfs, "/etc/passwd"), read_or_empty(rootfs, "/etc/group"), user_spec);
    });
}

uint32_t resolve_group(const sys::DirFd& rootfs, std::string_view group) {
    return doing("group of the container", [&] {
        if (is_all_digits(group)) {
            return parse_id(group, "group id");
        }
        return resolve_group_in(read_or_empty(rootfs, "/etc/group"), group);
    });
}

}  // namespace nau::runtime
