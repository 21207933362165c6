#include "engine/spec/accounts.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine {

namespace {

using Variables = std::vector<std::pair<std::string_view, std::string>>;

bool is_number(std::string_view word) noexcept {
    return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
}

/// The fields of the line whose field `index` is `value`; empty: none.
std::vector<std::string_view> find_line(std::string_view text,
                                        size_t index,
                                        std::string_view value) {
    for (const auto line : split(text, '\n')) {
        auto fields = split(line, ':');
        if (fields.size() > index && fields[index] == value) {
            return fields;
        }
    }
    return {};
}

constexpr size_t kName = 0;
constexpr size_t kId = 2;

/// The first name that fits wins, so that $USERNAME must come before $USER.
std::string expand(std::string_view entry, const Variables& variables, const char* flag) {
    if (entry.find('\n') != entry.npos || entry.find('\0') != entry.npos) {
        throw Error(ErrorKind::invalid, "{}: an entry is one line", flag);
    }
    std::string line;
    for (size_t i = 0; i < entry.size();) {
        const auto fits = std::find_if(variables.begin(), variables.end(), [&](const auto& each) {
            return entry.substr(i).starts_with(each.first);
        });
        if (fits == variables.end()) {
            line += entry[i++];
        } else {
            line += fits->second;
            i += fits->first.size();
        }
    }
    return line + "\n";
}

/// The image says it; it must not say more than one field of one line.
std::string_view home_of(const AccountInputs& inputs) {
    const std::string_view directory = inputs.workdir;
    return directory.find_first_of(":\n") == directory.npos ? directory : "/";
}

std::string user_line(const AccountInputs& inputs, std::string_view user) {
    if (!is_number(user) || !find_line(inputs.passwd_text, kId, user).empty()) {
        return {};
    }
    const auto& resolved = inputs.resolved;
    if (inputs.options.passwd_entry.empty()) {
        return fmt::format(
            "{0}:*:{0}:{1}:container user:{2}:/bin/sh\n", user, resolved.gid, home_of(inputs));
    }
    return expand(inputs.options.passwd_entry,
                  {{"$USERNAME", std::string(user)},
                   {"$UID", std::to_string(resolved.uid)},
                   {"$GID", std::to_string(resolved.gid)},
                   {"$NAME", std::string(user)},
                   {"$HOME", std::string(home_of(inputs))}},
                  "--passwd-entry");
}

std::string group_line(const AccountInputs& inputs, std::string_view user, std::string_view group) {
    if (!is_number(group) || !find_line(inputs.group_text, kId, group).empty()) {
        return {};
    }
    if (inputs.options.group_entry.empty()) {
        return fmt::format("{0}:x:{0}:{1}\n", group, user);
    }
    return expand(inputs.options.group_entry,
                  {{"$GROUPNAME", std::string(group)},
                   {"$GID", std::string(group)},
                   {"$USERLIST", std::string(user)}},
                  "--group-entry");
}

std::string host_user_line(const AccountInputs& inputs, const std::string& user) {
    constexpr size_t kFields = 7;
    constexpr size_t kGid = 3;
    constexpr size_t kComment = 4;
    constexpr size_t kHome = 5;
    const auto fields = find_line(inputs.host_passwd_text, is_number(user) ? kId : kName, user);
    if (fields.size() != kFields) {
        throw Error(ErrorKind::not_found, "the host has no user '{}'", user)
            .with_hint("--hostuser takes names and numbers of the host's /etc/passwd");
    }
    if (!find_line(inputs.passwd_text, kName, fields[kName]).empty()) {
        return {};
    }
    return fmt::format("{}:*:{}:{}:{}:{}:/bin/sh\n",
                       fields[kName],
                       fields[kId],
                       fields[kGid],
                       fields[kComment],
                       fields[kHome]);
}

}  // namespace

AccountLines make_account_lines(const AccountInputs& inputs) {
    AccountLines lines;
    if (!inputs.options.adds_entries) {
        return lines;
    }
    for (const auto& user : inputs.options.host_users) {
        lines.passwd += host_user_line(inputs, user);
    }
    const auto words = split_once(inputs.user, ':');
    const std::string_view user = words ? words->first : inputs.user;
    const std::string_view group = words && !words->second.empty() ? words->second : user;
    if (find_line(lines.passwd, kId, user).empty()) {
        lines.passwd += user_line(inputs, user);
    }
    lines.group = group_line(inputs, user, group);
    return lines;
}

std::string append_lines(std::string text, std::string_view lines) {
    if (!text.empty() && text.back() != '\n') {
        text += '\n';
    }
    return text + std::string(lines);
}

}  // namespace nau::engine
