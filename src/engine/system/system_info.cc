#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/container/containers.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "oci/platform.h"
#include "runtime/cgroup/cgroup.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using json::Value;

Value host_json() {
    struct utsname name = {};
    if (::uname(&name) != 0) {
        throw SysError(errno, "uname");
    }
    const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
    const auto page_size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return {{"hostname", name.nodename},
            {"kernel", name.release},
            {"platform", oci::to_string(oci::host_platform())},
            {"cpus", std::thread::hardware_concurrency()},
            {"memTotal", pages * page_size},
            {"cgroupVersion", runtime::cgroup::to_string(runtime::cgroup::detect_layout().mode)},
            {"rootless", ::geteuid() != 0}};
}

Value containers_json(Engine& engine) {
    uint64_t running = 0;
    uint64_t paused = 0;
    const auto containers =
        list_containers(engine, {.includes_stopped = true, .filters = {}, .last = {}});
    for (const auto& container : containers) {
        running += container.status == ContainerStatus::running ? 1 : 0;
        paused += container.status == ContainerStatus::paused ? 1 : 0;
    }
    return {{"number", containers.size()},
            {"running", running},
            {"paused", paused},
            {"stopped", containers.size() - running - paused}};
}

Value additional_stores_json(const EngineOptions& options) {
    Value list = Value::array();
    for (const auto& directory : options.additional_image_stores) {
        list.push_back(directory.string());
    }
    return list;
}

}  // namespace

Value system_info(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    const EngineOptions& options = engine.options();
    Value store_info = {{"graphRoot", options.graph_root.string()},
                        {"runRoot", options.run_root.string()},
                        {"namespace", options.name_space},
                        {"snapshotter", std::string(store.snapshots().name())},
                        {"graphDriverName", std::string(store.snapshots().name())},
                        {"additionalImageStores", additional_stores_json(options)},
                        {"images", list_images(engine).size()},
                        {"containers", containers_json(engine)}};
    if (sys::is_directory(options.graph_root)) {
        store_info["freeBytes"] = sys::free_bytes(options.graph_root);
    }
    return {{"host", host_json()}, {"store", std::move(store_info)}};
}

}  // namespace nau::engine
