#pragma once

// `nau system boot`: without a daemon somebody has to start, once after each boot, what its restart
// policy wants to be running.

#include <functional>
#include <string>

namespace nau::engine {

class Engine;

struct BootSinks {
    std::function<void(const std::string& name)> started;
    std::function<void(const std::string& name, const std::exception& error)> failed;
};

/// Starts those of `always`, those of `unless-stopped` that no user has ended, and those of
/// `on-failure` that the end of the last boot has interrupted. One that fails does not keep the
/// others. Starting what runs already is nothing, so it may be called at any time.
void start_after_boot(Engine& engine, const BootSinks& sinks);

}  // namespace nau::engine
