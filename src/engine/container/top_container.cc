#include "engine/container/top_container.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/process_columns.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "runtime/cgroup/cgroup.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxUserFile = 1U << 20U;
constexpr std::string_view kDefaultWords = "user,pid,ppid,pcpu,etime,tty,time,args";
constexpr std::string_view kFullWords = "user,pid,ppid,c,etime,tty,time,cmd";          // ps -ef
constexpr std::string_view kBsdWords = "user,pid,pcpu,vsz,rss,tty,stat,time,command";  // ps aux

/// The columns that options of ps(1) stand for; nullopt: they are no options, but descriptors.
std::optional<std::string> columns_of_options(const std::vector<std::string>& words) {
    const std::string& first = words.front();
    if (first == "aux" || first == "-aux") {
        return std::string(kBsdWords);
    }
    if (!first.starts_with('-')) {
        return std::nullopt;
    }
    if (first == "-ef" || first == "-f") {
        return std::string(kFullWords);
    }
    for (const std::string_view option : {"-eo", "-o"}) {
        if (first == option && words.size() == 2) {
            return words[1];
        }
        if (first.starts_with(option) && first.size() > option.size() && words.size() == 1) {
            return first.substr(option.size());
        }
    }
    throw Error(ErrorKind::unsupported, "the options '{}' of ps", fmt::join(words, " "))
        .with_hint("nau takes -ef, aux, -o LIST, -eo LIST, or words such as pid user args");
}

std::vector<const ProcessColumn*> choose_columns(const std::vector<std::string>& words) {
    std::vector<std::string> lists = words;
    if (lists.empty()) {
        lists = {std::string(kDefaultWords)};
    } else if (auto columns = columns_of_options(words)) {
        lists = {*std::move(columns)};
    }
    std::vector<const ProcessColumn*> chosen;
    for (const auto& list : lists) {
        for (const auto part : split(list, ',')) {
            const std::string_view word = trim(part);
            if (word.empty()) {
                continue;
            }
            const ProcessColumn* column = find_process_column(word);
            if (column == nullptr) {
                throw Error(ErrorKind::invalid, "unknown descriptor '{}'", word)
                    .with_hint(
                        fmt::format("descriptors are {}", fmt::join(top_descriptors(), ", ")));
            }
            chosen.push_back(column);
        }
    }
    return chosen;
}

TopContext make_context(const sys::ProcessId& init) {
    TopContext context;
    const sys::DirFd root = sys::DirFd::open_root(fmt::format("/proc/{}/root", init.pid));
    const auto names = [&](const char* path) {
        try {
            return parse_id_names(
                root.read_file_in_root_if_exists(path, kMaxUserFile).value_or(""));
        } catch (const Error&) {
            return parse_id_names("");  // the container's own affair: then numbers are shown
        }
    };
    context.container_users = names("/etc/passwd");
    context.container_groups = names("/etc/group");
    context.host_users =
        parse_id_names(sys::read_file_if_exists("/etc/passwd", kMaxUserFile).value_or(""));
    context.host_groups =
        parse_id_names(sys::read_file_if_exists("/etc/group", kMaxUserFile).value_or(""));
    struct timespec now = {};
    if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
        throw SysError(errno, "clock_gettime");
    }
    context.uptime = std::chrono::milliseconds(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
    context.ticks_per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
    context.page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return context;
}

/// Pids as the container's own namespace numbers them: the line of NSpid has one for each level.
void translate_pids(std::vector<ProcessFacts>& processes, const sys::ProcessId& init) {
    const auto levels = [](const ProcessFacts& facts) {
        const auto found = facts.status.find("NSpid");
        std::vector<std::string_view> words;
        if (found != facts.status.end()) {
            words = split(found->second, '\t');
        }
        return words;
    };
    size_t depth = 0;
    for (const auto& facts : processes) {
        if (facts.host_pid == init.pid) {
            depth = levels(facts).size();
        }
    }
    std::map<pid_t, pid_t> inside;
    for (auto& facts : processes) {
        const auto words = levels(facts);
        facts.pid = depth > 0 && words.size() >= depth
                        ? static_cast<pid_t>(parse_uint64(words[depth - 1]).value_or(0))
                        : facts.host_pid;
        inside[facts.host_pid] = facts.pid;
    }
    const auto translate = [&](pid_t pid) {
        const auto found = inside.find(pid);
        return found == inside.end() ? 0 : found->second;
    };
    for (auto& facts : processes) {
        facts.parent = translate(facts.parent);
        facts.group = translate(facts.group);
    }
}

std::string read_label(pid_t pid) {
    try {
        return std::string(
            trim(sys::read_file(fmt::format("/proc/{}/attr/current", pid), kMaxUserFile)));
    } catch (const Error&) {
        return "?";  // no security module
    }
}

}  // namespace

std::vector<std::string> top_descriptors() {
    std::vector<std::string> words;
    for (const auto& column : process_columns()) {
        words.emplace_back(column.word);
    }
    return words;
}

ProcessTable top_container(Engine& engine,
                           const std::string& name_or_id,
                           const std::vector<std::string>& words) {
    const auto columns = choose_columns(words);
    storage::Store& store = engine.store_for_reading();
    const auto container = get_running_container(engine, name_or_id);
    const auto cgroup = open_cgroup_of(store, container.id);
    if (!cgroup) {
        throw Error(
            ErrorKind::unavailable, "the control group of container '{}' is not known", name_or_id);
    }
    std::vector<ProcessFacts> processes;
    const bool wants_label = std::any_of(
        columns.begin(), columns.end(), [](const auto* column) { return column->word == "label"; });
    for (const pid_t pid : cgroup->processes()) {
        if (auto facts = read_process(pid)) {
            if (wants_label) {
                facts->label = read_label(pid);
            }
            processes.push_back(*std::move(facts));
        }
    }
    translate_pids(processes, container.state.init);
    std::sort(processes.begin(), processes.end(), [](const auto& a, const auto& b) {
        return a.pid < b.pid;
    });
    const TopContext context = make_context(container.state.init);
    ProcessTable table;
    for (const auto* column : columns) {
        table.headings.emplace_back(column->heading);
    }
    for (const auto& facts : processes) {
        auto& row = table.rows.emplace_back();
        for (const auto* column : columns) {
            row.push_back(column->text(facts, context));
        }
    }
    return table;
}

}  // namespace nau::engine
