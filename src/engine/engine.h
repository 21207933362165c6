#pragma once

// What every verb works on: the settings of this invocation, the clock and the store, opened when
// the first verb needs it. The verbs are free functions, one file each; they are the only place
// where records, content, snapshots, runtime, monitor and network meet.
//
//   subcommands ──▶ verb(Engine&, options) ──▶ storage, oci, runtime, monitor, …

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/registries.h"

namespace nau::config {
struct RegistriesConf;
}

namespace nau::storage {
class Store;
enum class Access;
}  // namespace nau::storage

namespace nau::engine {

/// Where and for whom this invocation works. All of it comes from flags, environment and nau.conf.
struct EngineOptions {
    std::filesystem::path graph_root;
    std::filesystem::path run_root;
    std::string name_space;  ///< the tenant; containerd's sense of "namespace"
    int64_t log_max_size_bytes = 16 << 20;
    int log_max_files = 3;
    std::string storage_driver = {};  ///< of a new store; empty: what its file system can
    /// Read-only stores, in which images are looked for after the own one.
    std::vector<std::filesystem::path> additional_image_stores = {};
    unsigned max_concurrent_downloads = 0;  ///< 0: by the number of processors
    std::string default_network = "bridge";
    std::string default_publish_address = {};
    std::vector<std::string> subnet_pools = {};
    config::Registries registries = {};
};

class Engine {
  public:
    explicit Engine(EngineOptions options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    Engine(Engine&&) = delete;
    Engine& operator=(Engine&&) = delete;

    const EngineOptions& options() const noexcept { return options_; }
    const std::string& name_space() const noexcept { return options_.name_space; }
    const Clock& clock() const noexcept { return clock_; }

    /// registries.conf and its drop-ins, read when they are first asked for.
    /// @throws Error{invalid} naming the file and line
    const config::RegistriesConf& registries_conf();

    /// The store, opened for reading: never waits for a pull or a removal.
    /// @throws Error when the state directory cannot be read
    storage::Store& store_for_reading();

    /// The store, opened for writing; references from store_for_reading() end with the first call.
    /// @throws Error when the state directory cannot be written
    storage::Store& store_for_writing();

    /// Before the store is opened: a damaged database is left as it is, and opening it fails.
    void leave_damage() noexcept { leaves_damage_ = true; }

    /// The next call opens it anew; references to the old one end.
    void close_store() noexcept;

  private:
    storage::Store& open_store(storage::Access access);

    EngineOptions options_;
    SystemClock clock_;
    std::unique_ptr<config::RegistriesConf> registries_conf_;
    std::unique_ptr<storage::Store> store_;
    bool leaves_damage_ = false;
};

}  // namespace nau::engine
