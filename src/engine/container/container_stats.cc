#include "engine/container/container_stats.h"

#include <algorithm>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxProcFile = 1U << 20U;

double percent(std::chrono::nanoseconds used, std::chrono::nanoseconds passed) noexcept {
    return passed.count() <= 0
               ? 0
               : 100.0 * static_cast<double>(used.count()) / static_cast<double>(passed.count());
}

uint64_t machine_memory() noexcept {
    return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// All interfaces but loopback, of the namespace that the process is in.
void read_network(pid_t pid, ContainerStats& stats) {
    const auto text = sys::read_file_if_exists(fmt::format("/proc/{}/net/dev", pid), kMaxProcFile);
    if (!text) {
        return;
    }
    for (const auto line : split(*text, '\n')) {
        const auto pair = split_once(line, ':');
        if (!pair || trim(pair->first) == "lo") {
            continue;
        }
        std::vector<std::string_view> words;
        for (const auto word : split(pair->second, ' ')) {
            if (!word.empty()) {
                words.push_back(word);
            }
        }
        constexpr size_t kReceived = 0;
        constexpr size_t kSent = 8;
        if (words.size() > kSent) {
            stats.network_input_bytes += parse_uint64(words[kReceived]).value_or(0);
            stats.network_output_bytes += parse_uint64(words[kSent]).value_or(0);
        }
    }
}

void read_cgroup(const runtime::cgroup::CgroupManager& cgroup, ContainerStats& stats) {
    if (const auto cpu = cgroup.cpu()) {
        stats.cpu = cpu->total;
    }
    if (const auto memory = cgroup.memory()) {
        // What the kernel would give back at once does not count, as docker and podman have it.
        const uint64_t cache = memory->inactive_file_bytes.value_or(0);
        stats.memory_bytes = memory->usage_bytes > cache ? memory->usage_bytes - cache : 0;
        stats.memory_limit_bytes = memory->limit_bytes.value_or(0);
    }
    const uint64_t machine = machine_memory();
    if (stats.memory_limit_bytes == 0 || stats.memory_limit_bytes > machine) {
        stats.memory_limit_bytes = machine;
    }
    stats.pids = cgroup.pids().value_or(0);
    if (const auto io = cgroup.block_io()) {
        stats.block_input_bytes = io->read_bytes;
        stats.block_output_bytes = io->written_bytes;
    }
}

/// nullopt when it has ended meanwhile.
std::optional<ContainerStats> read_stats(Engine& engine,
                                         const storage::ContainerSummary& container,
                                         const std::vector<ContainerStats>& before) {
    storage::Store& store = engine.store_for_reading();
    const auto cgroup = open_cgroup_of(store, container.id);
    if (!cgroup || !cgroup->exists()) {
        return std::nullopt;
    }
    ContainerStats stats;
    stats.id = container.id.to_string();
    stats.name = container.name;
    read_cgroup(*cgroup, stats);
    read_network(container.state.init.pid, stats);
    const Time now = engine.clock().now();
    stats.running = now - container.state.started_at.value_or(now);
    stats.average_cpu_percent = percent(stats.cpu, stats.running);
    const auto earlier = std::find_if(
        before.begin(), before.end(), [&](const auto& other) { return other.id == stats.id; });
    stats.cpu_percent = earlier == before.end() || earlier->cpu > stats.cpu
                            ? stats.average_cpu_percent
                            : percent(stats.cpu - earlier->cpu, stats.running - earlier->running);
    return stats;
}

}  // namespace

std::vector<ContainerStats> container_stats(Engine& engine,
                                            const std::vector<std::string>& names,
                                            const std::vector<ContainerStats>& before) {
    storage::Store& store = engine.store_for_reading();
    std::vector<storage::ContainerSummary> containers;
    for (const auto& name : names) {
        containers.push_back(get_running_container(engine, name));
    }
    if (names.empty()) {
        for (auto& container : store.records().containers.list(engine.name_space())) {
            container.state = known_state(store, container.id, container.state);
            if (find_init(store, container.state)) {
                containers.push_back(std::move(container));
            }
        }
    }
    std::vector<ContainerStats> all;
    for (const auto& container : containers) {
        if (auto stats = read_stats(engine, container, before)) {
            all.push_back(*std::move(stats));
        }
    }
    return all;
}

}  // namespace nau::engine
