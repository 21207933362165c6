#pragma once

// One process as procfs tells it, and the columns that can be made of it. Pure, but for
// read_process(). Internal to `top`.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace nau::engine {

struct ProcessFacts {
    pid_t host_pid = 0;
    pid_t pid = 0;  ///< in the container's pid namespace
    pid_t parent = 0;
    pid_t group = 0;
    char state = '?';
    int tty = 0;
    int nice = 0;
    uint64_t cpu_ticks = 0;
    uint64_t start_ticks = 0;
    uint64_t vsize_bytes = 0;
    uint64_t rss_pages = 0;
    std::string command;  ///< /proc/…/comm
    std::vector<std::string> args;
    std::map<std::string, std::string, std::less<>> status;  ///< /proc/…/status
    std::string label;                                       ///< of the security module
};

/// What the figures are related to.
struct TopContext {
    std::map<std::string, std::string, std::less<>> container_users;  ///< "1000" → name
    std::map<std::string, std::string, std::less<>> container_groups;
    std::map<std::string, std::string, std::less<>> host_users;
    std::map<std::string, std::string, std::less<>> host_groups;
    std::chrono::milliseconds uptime{};
    uint64_t ticks_per_second = 100;
    uint64_t page_bytes = 4096;
};

struct ProcessColumn {
    std::string_view word;     ///< podman's descriptor
    std::string_view code;     ///< ps(1)'s "%p"; may be empty
    std::string_view heading;  ///< "PID"
    std::string (*text)(const ProcessFacts&, const TopContext&);
};

/// By descriptor, by ps(1)'s other name for it or by its code. nullptr: none.
const ProcessColumn* find_process_column(std::string_view word) noexcept;
const std::vector<ProcessColumn>& process_columns();

/// nullopt when it has ended meanwhile.
std::optional<ProcessFacts> read_process(pid_t host_pid);

/// Id → name of the lines of /etc/passwd or /etc/group.
std::map<std::string, std::string, std::less<>> parse_id_names(std::string_view text);

}  // namespace nau::engine
