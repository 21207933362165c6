#pragma once

// What a command is given: the engine for this invocation (opened when the command first asks),
// standard output, the clock and the caller's environment.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/command.h"
#include "cli/output.h"

namespace nau::engine {
class Engine;
}

namespace nau::config {
struct Settings;
}

namespace nau::cli {

/// Flags that every command takes, before or after its name.
struct GlobalOptions {
    std::optional<std::string> root;
    std::optional<std::string> run_root;
    std::optional<std::string> name_space;
    std::optional<std::string> log_level;
    bool wants_version = false;  ///< of nau itself only
    // As podman has them: before the command's name only, since run and create have docker's
    // --storage-opt, which is another thing.
    std::optional<std::string> storage_driver;
    std::vector<std::string> storage_options;
};

/// All that "nau" takes before the command's name.
void declare_program_flags(FlagSet& flags, GlobalOptions& options);
/// Those of them that may stand behind it as well.
void declare_global_flags(FlagSet& flags, GlobalOptions& options);

class Context {
  public:
    Context(const CommandTable& table, const GlobalOptions& globals);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    Context(Context&&) = delete;
    Context& operator=(Context&&) = delete;

    /// File, environment and global flags; read when they are first asked for.
    /// @throws Error when one of them is wrong
    const config::Settings& settings();
    /// @throws Error as settings() does
    engine::Engine& engine();
    Output& out() noexcept { return out_; }
    const Clock& clock() const noexcept { return clock_; }
    Time now() const { return clock_.now(); }
    const CommandTable& table() const noexcept { return table_; }

    /// A variable of the caller's environment.
    std::optional<std::string> environment(const std::string& name) const;
    /// All of them, "NAME=value".
    std::vector<std::string> environment() const;

  private:
    const CommandTable& table_;
    const GlobalOptions& globals_;
    SystemClock clock_;
    Output out_;
    std::unique_ptr<config::Settings> settings_;
    std::unique_ptr<engine::Engine> engine_;
};

}  // namespace nau::cli
