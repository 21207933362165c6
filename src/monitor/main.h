#pragma once

// The process that lives as long as a task. See monitor/README.md for its life.

namespace nau::monitor {

class Launcher;

/// The same with another launcher: a seam for tests.
int run_monitor(Launcher& launcher) noexcept;

/// The whole of `nau monitor [--exec]`; descriptor 3 is the starter's socket. Returns the exit
/// status of the process. Never throws.
int monitor_main(int argc, char** argv) noexcept;

}  // namespace nau::monitor
