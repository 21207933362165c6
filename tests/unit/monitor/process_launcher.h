#pragma once

// A Launcher without containers: runs MonitorConfig::spec_text with /bin/sh, in the namespaces of
// the test. A spec that begins with "fail:" fails to start.

#include "monitor/launcher.h"

namespace nau::test {

class ProcessLauncher final : public monitor::Launcher {
  public:
    void warm_up() noexcept override {}
    void prepare(const monitor::MonitorConfig& config) override;
    runtime::LaunchedTask launch(const monitor::LaunchRequest& request) override;
    runtime::LaunchedTask launch_inside(const monitor::InsideRequest& request) override;
    bool is_frozen() noexcept override { return false; }
    std::string cgroup_path() const override { return "/none"; }
    void kill_rest() noexcept override {}
    monitor::TaskFigures figures() noexcept override;
    void tear_down() noexcept override;

  private:
    std::string script_;
};

}  // namespace nau::test
