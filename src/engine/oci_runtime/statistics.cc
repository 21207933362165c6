#include "engine/oci_runtime/statistics.h"

#include <sys/epoll.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/status.h"
#include "sys/event_loop.h"

namespace nau::engine::oci_runtime {

namespace cgroup = runtime::cgroup;
using Json = nlohmann::json;

namespace {

Json memory_json(const cgroup::MemoryFigures& figures) {
    Json usage = {{"usage", figures.usage_bytes}, {"failcnt", 0}};
    if (figures.peak_bytes) {
        usage["max"] = *figures.peak_bytes;
    }
    if (figures.limit_bytes) {
        usage["limit"] = *figures.limit_bytes;
    }
    Json memory = {{"usage", usage}};
    Json raw = Json::object();
    if (figures.inactive_file_bytes) {
        raw["total_inactive_file"] = *figures.inactive_file_bytes;
        raw["inactive_file"] = *figures.inactive_file_bytes;
    }
    memory["raw"] = raw;
    if (figures.swap_bytes) {
        memory["swap"] = {{"usage", figures.usage_bytes + *figures.swap_bytes}, {"failcnt", 0}};
    }
    return memory;
}

Json cpu_json(const cgroup::CpuFigures& figures) {
    return {{"usage",
             {{"total", figures.total.count()},
              {"user", figures.user.count()},
              {"kernel", figures.system.count()}}},
            {"throttling",
             {{"periods", figures.periods},
              {"throttledPeriods", figures.throttled_periods},
              {"throttledTime", figures.throttled.count()}}}};
}

Json block_io_json(const cgroup::BlockIoFigures& figures) {
    const auto entry = [](const char* op, uint64_t value) {
        return Json{{"major", 0}, {"minor", 0}, {"op", op}, {"value", value}};
    };
    return {
        {"ioServiceBytesRecursive",
         {entry("Read", figures.read_bytes), entry("Write", figures.written_bytes)}},
        {"ioServicedRecursive", {entry("Read", figures.reads), entry("Write", figures.writes)}}};
}

Json statistics_of(const std::string& id, const cgroup::CgroupManager& groups) {
    Json data = Json::object();
    if (const auto cpu = groups.cpu()) {
        data["cpu"] = cpu_json(*cpu);
    }
    if (const auto memory = groups.memory()) {
        data["memory"] = memory_json(*memory);
    }
    if (const auto pids = groups.pids()) {
        data["pids"] = {{"current", *pids}};
    }
    if (const auto io = groups.block_io()) {
        data["blkio"] = block_io_json(*io);
    }
    return {{"type", "stats"}, {"id", id}, {"data", data}};
}

struct Watched {
    sys::UniqueFd init;
    std::unique_ptr<cgroup::CgroupManager> groups;
};

Watched find_running(const std::string& root, const std::string& id) {
    const ContainerState state = ContainerDir(root, id).read_state();
    auto init = find_init(state);
    auto groups = open_groups(state);
    if (!init || !groups) {
        throw Error(ErrorKind::invalid, "container not running: '{}' has no figures", id);
    }
    return {std::move(*init), std::move(groups)};
}

}  // namespace

Json read_statistics(const std::string& root, const std::string& id) {
    return statistics_of(id, *find_running(root, id).groups);
}

void follow_events(const std::string& root,
                   const std::string& id,
                   std::chrono::nanoseconds interval,
                   const std::function<void(const Json&)>& tell) {
    const Watched watched = find_running(root, id);
    sys::EventLoop loop;
    loop.add_fd(watched.init.get(), EPOLLIN, [&](uint32_t) { loop.stop(); });
    std::function<void()> tick = [&] {
        tell(statistics_of(id, *watched.groups));
        loop.add_timer(interval, tick);
    };
    loop.add_timer(interval, tick);
    auto oom = watched.groups->watch_oom();
    uint64_t kills = watched.groups->oom_kill_count().value_or(0);
    if (oom) {
        loop.add_fd(oom->fd.get(), oom->epoll_events, [&](uint32_t) {
            oom->acknowledge();
            const uint64_t now = watched.groups->oom_kill_count().value_or(kills);
            if (now > kills) {
                kills = now;
                tell({{"type", "oom"}, {"id", id}});
            }
        });
    }
    loop.run();
}

}  // namespace nau::engine::oci_runtime
