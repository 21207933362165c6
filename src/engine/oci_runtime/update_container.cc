#include "engine/oci_runtime/update_container.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/status.h"
#include "sys/file.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr size_t kMaxText = 1024 * 1024;

template <typename Number>
void drop_zero(std::optional<Number>& value) {
    if (value && *value == 0) {
        value.reset();
    }
}

}  // namespace

void drop_unsaid(oci::spec::Resources& resources) {
    if (auto& memory = resources.memory) {
        drop_zero(memory->limit);
        drop_zero(memory->reservation);
        drop_zero(memory->swap);
        drop_zero(memory->kernel);
        drop_zero(memory->kernel_tcp);
    }
    if (auto& cpu = resources.cpu) {
        drop_zero(cpu->shares);
        drop_zero(cpu->quota);
        drop_zero(cpu->period);
        drop_zero(cpu->realtime_period);
        drop_zero(cpu->realtime_runtime);
    }
    if (auto& io = resources.block_io) {
        drop_zero(io->weight);
        drop_zero(io->leaf_weight);
    }
    drop_zero(resources.pids_limit);
}

oci::spec::Resources parse_update(std::string_view text, std::string_view what) {
    oci::spec::Resources resources = oci::resources_from_json(json::parse(text, what), what);
    drop_unsaid(resources);
    return resources;
}

oci::spec::Resources read_update(const std::string& path) {
    return path == "-" ? parse_update(sys::read_fd(STDIN_FILENO, kMaxText), "standard input")
                       : parse_update(sys::read_file(path, kMaxText), path);
}

void update_container(const std::string& root,
                      const std::string& id,
                      const oci::spec::Resources& resources) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    const auto groups = open_groups(state);
    if (!find_init(state) || !groups) {
        throw Error(ErrorKind::invalid, "container not running: '{}' has no limits to change", id);
    }
    // Device rules are the whole list or nothing; an update that brings none keeps them.
    groups->update(resources);
}

}  // namespace nau::engine::oci_runtime
