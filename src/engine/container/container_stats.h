#pragma once

// `nau stats`: what running containers use, from their control groups and network namespaces.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nau::engine {

class Engine;

struct ContainerStats {
    std::string id;
    std::string name;
    std::chrono::nanoseconds cpu{};      ///< since it was started
    std::chrono::nanoseconds running{};  ///< since it was started
    /// Of one processor, since `before`'s sample, or since the start without one.
    double cpu_percent = 0;
    double average_cpu_percent = 0;
    uint64_t memory_bytes = 0;
    uint64_t memory_limit_bytes = 0;  ///< the machine's memory if it has none
    uint64_t network_input_bytes = 0;
    uint64_t network_output_bytes = 0;
    uint64_t block_input_bytes = 0;
    uint64_t block_output_bytes = 0;
    uint64_t pids = 0;

    double memory_percent() const noexcept {
        return memory_limit_bytes == 0 ? 0
                                       : 100.0 * static_cast<double>(memory_bytes) /
                                             static_cast<double>(memory_limit_bytes);
    }
};

/// Names or ids; empty: all that run. `before` are figures of an earlier call.
/// @throws Error{not_found}; Error{invalid} for one that is named and does not run
std::vector<ContainerStats> container_stats(Engine& engine,
                                            const std::vector<std::string>& names,
                                            const std::vector<ContainerStats>& before);

}  // namespace nau::engine
