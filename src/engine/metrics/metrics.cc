#include "engine/metrics/metrics.h"

#include <array>
#include <map>
#include <optional>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/supervision.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/metrics/exposition.h"
#include "monitor/health.h"
#include "monitor/task_state.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using metrics::Exposition;
using metrics::Labels;
using enum metrics::MetricType;
using runtime::cgroup::BlockIoFigures;
using runtime::cgroup::CpuFigures;
using runtime::cgroup::MemoryFigures;
using storage::ContainerStatus;

constexpr size_t kMaxProcFile = 1U << 20U;

struct InterfaceFigures {
    std::string name;
    /// As in /proc/net/dev: bytes, packets, errors, dropped.
    std::array<uint64_t, 4> received{};
    std::array<uint64_t, 4> sent{};
};

struct ContainerFigures {
    Labels labels;
    storage::ContainerState state;
    std::string health;
    std::optional<CpuFigures> cpu;
    std::optional<MemoryFigures> memory;
    std::optional<uint64_t> threads;
    std::optional<uint64_t> processes;
    std::optional<BlockIoFigures> block_io;
    std::optional<uint64_t> oom_kills;
    std::vector<InterfaceFigures> interfaces;
};

double seconds(std::chrono::nanoseconds time) noexcept {
    return std::chrono::duration<double>(time).count();
}

std::vector<InterfaceFigures> read_interfaces(pid_t pid) {
    std::vector<InterfaceFigures> interfaces;
    const std::string text =
        sys::read_file_if_exists(fmt::format("/proc/{}/net/dev", pid), kMaxProcFile).value_or("");
    for (const auto line : split(text, '\n')) {
        constexpr size_t kSent = 8;
        const auto pair = split_once(line, ':');
        if (!pair) {
            continue;
        }
        std::vector<uint64_t> numbers;
        for (const auto word : split(pair->second, ' ')) {
            if (!word.empty()) {
                numbers.push_back(parse_uint64(word).value_or(0));
            }
        }
        InterfaceFigures figures{.name = std::string(trim(pair->first))};
        if (figures.name == "lo" || numbers.size() < kSent + figures.sent.size()) {
            continue;
        }
        for (size_t i = 0; i < figures.sent.size(); ++i) {
            figures.received[i] = numbers[i];
            figures.sent[i] = numbers[kSent + i];
        }
        interfaces.push_back(std::move(figures));
    }
    return interfaces;
}

ContainerFigures read_container(storage::Store& store, const storage::ContainerSummary& container) {
    ContainerFigures figures;
    figures.state = actual_state(store, container.id, container.state);
    const auto run_dir = store.paths().container_run(container.id);
    const auto task = monitor::read_task_state(run_dir);
    const std::string group = task ? task->cgroup_path : "";
    figures.labels = {{"id", group.empty() ? "/" + container.id.to_string() : group},
                      {"image", container.image_name},
                      {"name", container.name}};
    if (!find_init(store, figures.state)) {
        return figures;
    }
    if (const auto health = monitor::read_health_state(run_dir)) {
        figures.health = monitor::to_string(health->status);
    }
    const auto cgroup = open_cgroup_of(store, container.id);
    if (cgroup && cgroup->exists()) {
        figures.cpu = cgroup->cpu();
        figures.memory = cgroup->memory();
        figures.threads = cgroup->pids();
        figures.processes = cgroup->processes().size();
        figures.block_io = cgroup->block_io();
        figures.oom_kills = cgroup->oom_kill_count();
    }
    figures.interfaces = read_interfaces(figures.state.init.pid);
    return figures;
}

std::vector<ContainerFigures> read_containers(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    std::vector<ContainerFigures> all;
    for (const auto& container : store.records().containers.list(engine.name_space())) {
        try {
            all.push_back(read_container(store, container));
        } catch (const SysError&) {  // it is just ending: its groups go while they are read
            continue;
        }
    }
    return all;
}

Labels with(const Labels& labels, const char* key, std::string value) {
    Labels more = labels;
    more.emplace_back(key, std::move(value));
    return more;
}

/// A family with a sample for each container that has the figure.
template <typename Get>
void each(Exposition& out,
          const std::vector<ContainerFigures>& containers,
          std::string_view name,
          metrics::MetricType type,
          std::string_view help,
          Get get) {
    out.family(name, type, help);
    for (const auto& container : containers) {
        if (const auto value = get(container)) {
            out.sample(container.labels, *value);
        }
    }
}

/// get(figures.*member), or nothing.
template <typename Figures, typename Get>
auto of(std::optional<Figures> ContainerFigures::*member, Get get) {
    return [=](const ContainerFigures& container) {
        using Value = decltype(get(*(container.*member)));
        const auto& figures = container.*member;
        return figures ? std::optional<Value>(get(*figures)) : std::nullopt;
    };
}

void write_cpu(Exposition& out, const std::vector<ContainerFigures>& containers) {
    const auto time = [](auto member) {
        return of(&ContainerFigures::cpu,
                  [=](const CpuFigures& cpu) { return seconds(cpu.*member); });
    };
    const auto count = [](auto member) {
        return of(&ContainerFigures::cpu, [=](const CpuFigures& cpu) { return cpu.*member; });
    };
    out.family("container_cpu_usage_seconds_total", counter, "Processor time used.");
    for (const auto& container : containers) {
        if (container.cpu) {
            out.sample(with(container.labels, "cpu", "total"), seconds(container.cpu->total));
        }
    }
    each(out,
         containers,
         "container_cpu_user_seconds_total",
         counter,
         "Processor time used by programs.",
         time(&CpuFigures::user));
    each(out,
         containers,
         "container_cpu_system_seconds_total",
         counter,
         "Processor time used by the kernel.",
         time(&CpuFigures::system));
    each(out,
         containers,
         "container_cpu_cfs_periods_total",
         counter,
         "Periods in which the limit was enforced.",
         count(&CpuFigures::periods));
    each(out,
         containers,
         "container_cpu_cfs_throttled_periods_total",
         counter,
         "Periods in which it was held back.",
         count(&CpuFigures::throttled_periods));
    each(out,
         containers,
         "container_cpu_cfs_throttled_seconds_total",
         counter,
         "Time for which it was held back.",
         time(&CpuFigures::throttled));
}

void write_memory(Exposition& out, const std::vector<ContainerFigures>& containers) {
    const auto memory = [](auto get) { return of(&ContainerFigures::memory, get); };
    const auto maybe = [](auto member) {
        return [=](const ContainerFigures& container) {
            return container.memory ? (*container.memory).*member : std::nullopt;
        };
    };
    each(out,
         containers,
         "container_memory_usage_bytes",
         gauge,
         "Memory in use, caches included.",
         memory([](const MemoryFigures& figures) { return figures.usage_bytes; }));
    each(out,
         containers,
         "container_memory_working_set_bytes",
         gauge,
         "Memory in use without caches that would be given back.",
         memory([](const MemoryFigures& figures) {
             const uint64_t cache = figures.inactive_file_bytes.value_or(0);
             return figures.usage_bytes > cache ? figures.usage_bytes - cache : uint64_t{0};
         }));
    each(out,
         containers,
         "container_memory_max_usage_bytes",
         gauge,
         "The most memory that was in use.",
         maybe(&MemoryFigures::peak_bytes));
    each(out,
         containers,
         "container_memory_swap",
         gauge,
         "Swap in use, in bytes.",
         maybe(&MemoryFigures::swap_bytes));
    each(out,
         containers,
         "container_spec_memory_limit_bytes",
         gauge,
         "The limit; 0: none.",
         memory([](const MemoryFigures& figures) { return figures.limit_bytes.value_or(0); }));
    each(out,
         containers,
         "container_oom_events_total",
         counter,
         "Processes that were killed for want of memory.",
         of(&ContainerFigures::oom_kills, [](uint64_t kills) { return kills; }));
}

void write_network(Exposition& out, const std::vector<ContainerFigures>& containers) {
    constexpr std::array kNames = {"bytes", "packets", "errors", "packets_dropped"};
    for (const bool is_received : {true, false}) {
        for (size_t i = 0; i < kNames.size(); ++i) {
            out.family(fmt::format("container_network_{}_{}_total",
                                   is_received ? "receive" : "transmit",
                                   kNames[i]),
                       counter,
                       is_received ? "Received from the network." : "Sent to the network.");
            for (const auto& container : containers) {
                for (const auto& interface : container.interfaces) {
                    out.sample(with(container.labels, "interface", interface.name),
                               (is_received ? interface.received : interface.sent)[i]);
                }
            }
        }
    }
}

void write_rest(Exposition& out, const std::vector<ContainerFigures>& containers, Time now) {
    const auto io = [](auto member) {
        return of(&ContainerFigures::block_io,
                  [=](const BlockIoFigures& figures) { return figures.*member; });
    };
    const auto same = [](auto member) { return of(member, [](uint64_t value) { return value; }); };
    each(out,
         containers,
         "container_fs_reads_bytes_total",
         counter,
         "Bytes read from devices.",
         io(&BlockIoFigures::read_bytes));
    each(out,
         containers,
         "container_fs_writes_bytes_total",
         counter,
         "Bytes written to devices.",
         io(&BlockIoFigures::written_bytes));
    each(out,
         containers,
         "container_fs_reads_total",
         counter,
         "Reads from devices.",
         io(&BlockIoFigures::reads));
    each(out,
         containers,
         "container_fs_writes_total",
         counter,
         "Writes to devices.",
         io(&BlockIoFigures::writes));
    each(out,
         containers,
         "container_processes",
         gauge,
         "Processes.",
         same(&ContainerFigures::processes));
    each(out, containers, "container_threads", gauge, "Threads.", same(&ContainerFigures::threads));
    const auto running = [](const ContainerFigures& container, std::optional<Time> time) {
        return container.cpu && time ? std::optional(seconds(time->time_since_epoch()))
                                     : std::nullopt;
    };
    each(out,
         containers,
         "container_start_time_seconds",
         gauge,
         "When it was started, in seconds since 1970.",
         [&](const ContainerFigures& container) {
             return running(container, container.state.started_at);
         });
    each(out,
         containers,
         "container_last_seen",
         gauge,
         "When these figures were taken.",
         [&](const ContainerFigures& container) { return running(container, now); });
}

void write_states(Exposition& out, const std::vector<ContainerFigures>& containers) {
    std::map<std::string, uint64_t> counts;
    for (const auto status : {ContainerStatus::created,
                              ContainerStatus::running,
                              ContainerStatus::paused,
                              ContainerStatus::restarting,
                              ContainerStatus::exited}) {
        counts[std::string(storage::to_string(status))] = 0;
    }
    for (const auto& container : containers) {
        ++counts[std::string(storage::to_string(container.state.status))];
    }
    out.family("nau_containers", gauge, "Containers by state.");
    for (const auto& [state, count] : counts) {
        out.sample({{"state", state}}, count);
    }
    each(out,
         containers,
         "nau_container_restarts_total",
         counter,
         "How often its restart policy has started it again.",
         [](const ContainerFigures& container) {
             return std::optional(static_cast<uint64_t>(container.state.restart_count));
         });
    each(out,
         containers,
         "nau_container_exit_code",
         gauge,
         "Of containers that have ended.",
         [](const ContainerFigures& container) {
             return container.state.status == ContainerStatus::exited && container.state.exit_code
                        ? std::optional(static_cast<double>(*container.state.exit_code))
                        : std::nullopt;
         });
    out.family("nau_container_health", gauge, "1 for the state of the health check.");
    for (const auto& container : containers) {
        if (!container.health.empty()) {
            out.sample(with(container.labels, "status", container.health), uint64_t{1});
        }
    }
}

void write_store(Exposition& out, Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    auto& records = store.records();
    const std::string& name_space = engine.name_space();
    const auto one = [&](std::string_view name, std::string_view help, uint64_t value) {
        out.family(name, gauge, help);
        out.sample({}, value);
    };
    one("nau_images", "Images.", records.images.list(name_space).size());
    one("nau_volumes", "Volumes.", records.volumes.list(name_space).size());
    one("nau_networks", "Networks.", records.networks.list(name_space).size());
    const auto size_of = [](const std::string& path) {
        const auto status = sys::stat_if_exists(path);
        return status ? static_cast<uint64_t>(status->st_size) : uint64_t{0};
    };
    const std::string database = store.paths().database();
    one("nau_database_bytes",
        "Size of the database and its log.",
        size_of(database) + size_of(database + "-wal"));
    one("nau_journal_bytes",
        "Size of the newest file of events.",
        size_of(store.paths().journal()));
    struct statvfs disk {};
    if (::statvfs(engine.options().graph_root.c_str(), &disk) == 0) {
        one("nau_store_filesystem_size_bytes",
            "Size of the file system that holds the store.",
            disk.f_blocks * disk.f_frsize);
        one("nau_store_filesystem_avail_bytes",
            "What is free of it.",
            disk.f_bavail * disk.f_frsize);
    }
}

}  // namespace

std::string metrics_text(Engine& engine) {
    const Time began = engine.clock().now();
    const auto containers = read_containers(engine);
    Exposition out;
    write_cpu(out, containers);
    write_memory(out, containers);
    write_network(out, containers);
    write_rest(out, containers, began);
    write_states(out, containers);
    write_store(out, engine);
    out.family("nau_scrape_duration_seconds", gauge, "How long it took to collect this.");
    out.sample({}, seconds(engine.clock().now() - began));
    return out.text();
}

void write_metrics_file(const std::filesystem::path& path, const std::string& text) {
    sys::write_file_atomic(path.string(), text, 0644, sys::Durability::relaxed);
}

}  // namespace nau::engine
