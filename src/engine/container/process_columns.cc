#include "engine/container/process_columns.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxProcFile = 256 * 1024;

uint64_t number_or_zero(std::string_view text) {
    return parse_uint64(text).value_or(0);
}

/// The n-th word of a line of /proc/…/status, such as the effective one of "Uid: 0 0 0 0".
std::string status_word(const ProcessFacts& facts, std::string_view key, size_t index) {
    const auto found = facts.status.find(key);
    if (found == facts.status.end()) {
        return "?";
    }
    size_t seen = 0;
    for (const auto part : split(found->second, '\t')) {
        for (const auto word : split(part, ' ')) {
            if (!word.empty() && seen++ == index) {
                return std::string(word);
            }
        }
    }
    return "?";
}

using Names = std::map<std::string, std::string, std::less<>>;

std::string named(const Names& names, const std::string& id) {
    const auto found = names.find(id);
    return found == names.end() ? id : found->second;
}

std::string whole_args(const ProcessFacts& facts) {
    if (facts.args.empty()) {
        return fmt::format("[{}]", facts.command);
    }
    return fmt::format("{}", fmt::join(facts.args, " "));
}

std::string duration_text(uint64_t seconds) {
    const uint64_t hours = seconds / 3600;
    const uint64_t minutes = seconds / 60 % 60;
    if (hours > 0) {
        return fmt::format("{}h{}m{}s", hours, minutes, seconds % 60);
    }
    return minutes > 0 ? fmt::format("{}m{}s", minutes, seconds % 60) : fmt::format("{}s", seconds);
}

uint64_t elapsed_ms(const ProcessFacts& facts, const TopContext& context) {
    const auto started = facts.start_ticks * 1000 / context.ticks_per_second;
    const auto now = static_cast<uint64_t>(context.uptime.count());
    return now > started ? now - started : 0;
}

std::string cpu_percent(const ProcessFacts& facts, const TopContext& context) {
    const auto elapsed = static_cast<double>(elapsed_ms(facts, context));
    const auto used = static_cast<double>(facts.cpu_ticks * 1000 / context.ticks_per_second);
    return fmt::format("{:.3f}", elapsed > 0 ? used * 100 / elapsed : 0.0);
}

std::string tty_text(const ProcessFacts& facts, const TopContext& /*context*/) {
    // See proc_pid_stat(5): the minor number is in two pieces.
    const auto device = static_cast<unsigned>(facts.tty);
    const unsigned major = device >> 8U & 0xfffU;
    const unsigned minor = (device & 0xffU) | (device >> 12U & 0xfff00U);
    constexpr unsigned kFirstPty = 136;
    constexpr unsigned kLastPty = 143;
    if (major >= kFirstPty && major <= kLastPty) {
        return fmt::format("pts/{}", minor + (major - kFirstPty) * 256);
    }
    return device == 0 ? "?" : fmt::format("{}/{}", major, minor);
}

std::string seccomp_text(const ProcessFacts& facts, const TopContext& /*context*/) {
    const std::string mode = status_word(facts, "Seccomp", 0);
    return mode == "0" ? "disabled" : mode == "1" ? "strict" : mode == "2" ? "filter" : mode;
}

template <size_t index>
std::string user_of(const ProcessFacts& facts, const TopContext& context) {
    return named(context.container_users, status_word(facts, "Uid", index));
}
template <size_t index>
std::string group_of(const ProcessFacts& facts, const TopContext& context) {
    return named(context.container_groups, status_word(facts, "Gid", index));
}

/// "full" as podman says it would hide which kernel's full it is: the mask is shown.
template <size_t index>
std::string capabilities_of(const ProcessFacts& facts, const TopContext& /*context*/) {
    static constexpr std::array kKeys = {"CapAmb", "CapBnd", "CapEff", "CapInh", "CapPrm"};
    return status_word(facts, kKeys[index], 0);
}

std::string groups_text(const ProcessFacts& facts, const TopContext& context) {
    std::vector<std::string> names;
    const auto found = facts.status.find("Groups");
    if (found != facts.status.end()) {
        for (const auto word : split(found->second, ' ')) {
            if (!word.empty()) {
                names.push_back(named(context.container_groups, std::string(word)));
            }
        }
    }
    return fmt::format("{}", fmt::join(names, ","));
}

std::vector<ProcessColumn> make_columns() {
    using F = const ProcessFacts&;
    using C = const TopContext&;
    return {
        {"args", "%a", "COMMAND", [](F f, C) { return whole_args(f); }},
        {"capamb", "", "AMBIENT CAPS", capabilities_of<0>},
        {"capbnd", "", "BOUNDING CAPS", capabilities_of<1>},
        {"capeff", "", "EFFECTIVE CAPS", capabilities_of<2>},
        {"capinh", "", "INHERITED CAPS", capabilities_of<3>},
        {"capprm", "", "PERMITTED CAPS", capabilities_of<4>},
        {"comm", "%c", "COMMAND", [](F f, C) { return f.command; }},
        {"etime", "%t", "ELAPSED", [](F f, C c) { return duration_text(elapsed_ms(f, c) / 1000); }},
        {"group", "%G", "GROUP", group_of<1>},
        {"groups", "", "GROUPS", groups_text},
        {"hgroup",
         "",
         "HGROUP",
         [](F f, C c) { return named(c.host_groups, status_word(f, "Gid", 1)); }},
        {"hpid", "", "HPID", [](F f, C) { return std::to_string(f.host_pid); }},
        {"huser",
         "",
         "HUSER",
         [](F f, C c) { return named(c.host_users, status_word(f, "Uid", 1)); }},
        {"label", "", "LABEL", [](F f, C) { return f.label; }},
        {"nice", "%n", "NI", [](F f, C) { return std::to_string(f.nice); }},
        {"pcpu", "%C", "%CPU", cpu_percent},
        {"pgid", "%r", "PGID", [](F f, C) { return std::to_string(f.group); }},
        {"pid", "%p", "PID", [](F f, C) { return std::to_string(f.pid); }},
        {"ppid", "%P", "PPID", [](F f, C) { return std::to_string(f.parent); }},
        {"rgroup", "%g", "RGROUP", group_of<0>},
        {"rss",
         "",
         "RSS",
         [](F f, C c) { return std::to_string(f.rss_pages * c.page_bytes / 1024); }},
        {"ruser", "%u", "RUSER", user_of<0>},
        {"seccomp", "", "SECCOMP", seccomp_text},
        {"state", "", "STATE", [](F f, C) { return std::string(1, f.state); }},
        {"time",
         "%x",
         "TIME",
         [](F f, C c) { return duration_text(f.cpu_ticks / c.ticks_per_second); }},
        {"tty", "%y", "TTY", tty_text},
        {"user", "%U", "USER", user_of<1>},
        {"vsz", "%z", "VSZ", [](F f, C) { return std::to_string(f.vsize_bytes / 1024); }},
    };
}

/// ps(1)'s and procps's other words.
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kSynonyms = {{
    {"%cpu", "pcpu"},
    {"c", "pcpu"},
    {"cmd", "args"},
    {"command", "args"},
    {"cputime", "time"},
    {"elapsed", "etime"},
    {"egroup", "group"},
    {"euser", "user"},
    {"ni", "nice"},
    {"pgrp", "pgid"},
    {"s", "state"},
    {"stat", "state"},
    {"tt", "tty"},
    {"tname", "tty"},
    {"uid", "user"},
    {"ucmd", "comm"},
}};

}  // namespace

const std::vector<ProcessColumn>& process_columns() {
    static const std::vector<ProcessColumn> columns = make_columns();
    return columns;
}

const ProcessColumn* find_process_column(std::string_view word) noexcept {
    for (const auto& [other, meant] : kSynonyms) {
        if (other == word) {
            word = meant;
        }
    }
    const auto& columns = process_columns();
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
        return column.word == word || (!column.code.empty() && column.code == word);
    });
    return found == columns.end() ? nullptr : &*found;
}

std::map<std::string, std::string, std::less<>> parse_id_names(std::string_view text) {
    Names names;
    for (const auto line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() >= 3) {
            names.emplace(fields[2], fields[0]);  // the first line of an id counts
        }
    }
    return names;
}

std::optional<ProcessFacts> read_process(pid_t host_pid) {
    const std::string directory = fmt::format("/proc/{}", host_pid);
    try {
        const std::string stat = sys::read_file(directory + "/stat", kMaxProcFile);
        const std::string status = sys::read_file(directory + "/status", kMaxProcFile);
        ProcessFacts facts;
        facts.host_pid = host_pid;
        // The name may hold blanks and brackets: the last bracket closes it.
        const size_t open = stat.find('(');
        const size_t close = stat.rfind(')');
        if (open == stat.npos || close == stat.npos || close + 2 >= stat.size()) {
            return std::nullopt;
        }
        facts.command = stat.substr(open + 1, close - open - 1);
        const auto fields = split(std::string_view(stat).substr(close + 2), ' ');
        constexpr size_t kNeeded = 22;
        if (fields.size() < kNeeded) {
            return std::nullopt;
        }
        facts.state = fields[0].empty() ? '?' : fields[0].front();
        facts.parent = static_cast<pid_t>(number_or_zero(fields[1]));
        facts.group = static_cast<pid_t>(number_or_zero(fields[2]));
        facts.tty = static_cast<int>(parse_int64(fields[4]).value_or(0));
        facts.cpu_ticks = number_or_zero(fields[11]) + number_or_zero(fields[12]);
        facts.nice = static_cast<int>(parse_int64(fields[16]).value_or(0));
        facts.start_ticks = number_or_zero(fields[19]);
        facts.vsize_bytes = number_or_zero(fields[20]);
        facts.rss_pages = number_or_zero(fields[21]);
        for (const auto line : split(status, '\n')) {
            if (const auto pair = split_once(line, ':')) {
                facts.status.emplace(pair->first, trim(pair->second));
            }
        }
        const std::string cmdline = sys::read_file(directory + "/cmdline", kMaxProcFile);
        for (const auto arg : split(cmdline, '\0')) {
            facts.args.emplace_back(arg);
        }
        if (!facts.args.empty() && facts.args.back().empty()) {
            facts.args.pop_back();  // the last NUL ends a word
        }
        return facts;
    } catch (const SysError& error) {
        if (error.error() == ENOENT || error.error() == ESRCH) {
            return std::nullopt;
        }
        throw;
    }
}

}  // namespace nau::engine
