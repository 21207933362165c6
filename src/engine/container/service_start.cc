#include "engine/container/service_start.h"

#include <sys/stat.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_config.h"
#include "oci/runtime_spec.h"
#include "sys/file.h"
#include "sys/notify_socket.h"

namespace nau::engine {

namespace {

using monitor::NotifyMode;

constexpr const char* kDirectory = "/run/notify";
constexpr const char* kSocket = "notify.sock";
constexpr int kFirstListening = 3;

void set_variable(std::vector<std::string>& env, std::string_view name, std::string_view value) {
    std::erase_if(env, [&](const std::string& entry) {
        return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
    });
    env.push_back(fmt::format("{}={}", name, value));
}

}  // namespace

ServiceStart::ServiceStart(const ServiceManager& manager,
                           const ContainerConfig& config,
                           std::filesystem::path run_dir)
    : manager_(manager), config_(config), run_dir_(std::move(run_dir)) {
    if (manager.notify_socket.empty()) {
        return;
    }
    mode_ = monitor::parse_notify_mode(manager.notify_mode.empty() ? config.sdnotify
                                                                   : manager.notify_mode);
    if (mode_ != NotifyMode::ignore) {
        socket_ = doing("telling the service manager",
                        [&] { return sys::connect_notify_socket(manager.notify_socket); });
    }
}

bool ServiceStart::changes_spec() const noexcept {
    return mode_ == NotifyMode::container || manager_.listening > 0;
}

void ServiceStart::complete(oci::RuntimeSpec& spec) const {
    auto& env = spec.process->env;
    if (mode_ == NotifyMode::container) {
        spec.mounts.push_back({.destination = kDirectory,
                               .type = "bind",
                               .source = socket_directory().string(),
                               .options = {"bind", "nosuid", "nodev", "noexec"},
                               .uid_mappings = {},
                               .gid_mappings = {}});
        set_variable(env, "NOTIFY_SOCKET", fmt::format("{}/{}", kDirectory, kSocket));
    }
    if (manager_.listening > 0) {
        set_variable(env, "LISTEN_FDS", std::to_string(manager_.listening));
        if (!manager_.listening_names.empty()) {
            set_variable(env, "LISTEN_FDNAMES", manager_.listening_names);
        }
        if (config_.pid_mode.empty()) {  // elsewhere nobody knows its number beforehand
            set_variable(env, "LISTEN_PID", config_.has_init ? "2" : "1");
        }
    }
}

std::vector<int> ServiceStart::descriptors(std::vector<int> preserved) const {
    while (preserved.size() < static_cast<size_t>(manager_.listening)) {
        preserved.push_back(kFirstListening + static_cast<int>(preserved.size()));
    }
    return preserved;
}

void ServiceStart::configure(monitor::MonitorConfig& config, monitor::StartFds& fds) const {
    if (!socket_) {
        return;
    }
    config.notify = mode_;
    fds.notify = socket_.get();
    if (mode_ == NotifyMode::container) {
        const auto directory = socket_directory();
        sys::make_directories(directory, 0755);
        config.notify_socket = directory / kSocket;
    }
}

void ServiceStart::tell_started(pid_t monitor) const noexcept {
    tell(monitor, mode_ == NotifyMode::started);
}

void ServiceStart::tell_running(pid_t monitor) const noexcept {
    tell(monitor, true);
}

void ServiceStart::tell(pid_t monitor, bool is_ready) const noexcept {
    if (!socket_) {
        return;
    }
    const std::string text = fmt::format("MAINPID={}{}", monitor, is_ready ? "\nREADY=1" : "");
    if (!sys::send_notification(socket_.get(), text)) {
        NAU_LOG_WARN("the service manager does not take notifications, ignoring");
    }
}

}  // namespace nau::engine
