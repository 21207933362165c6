#include "runtime/hooks.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "runtime/spec_error.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/process.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// The end of what a hook has written, for the error.
class HookOutput {
  public:
    HookOutput() : pipe_(sys::pipe2()) { sys::set_nonblocking(pipe_.read.get(), true); }

    int write_end() const noexcept { return pipe_.write.get(); }
    int read_end() const noexcept { return pipe_.read.get(); }
    void close_write_end() noexcept { pipe_.write.reset(); }

    /// Reads what is there; false at the end of file.
    bool drain() {
        char buffer[4096];
        for (;;) {
            const long size = sys::raw::read(pipe_.read.get(), buffer, sizeof buffer);
            if (size <= 0) {
                return size != 0;
            }
            text_.append(buffer, static_cast<size_t>(size));
            if (text_.size() > 2 * kKept) {
                text_.erase(0, text_.size() - kKept);
            }
        }
    }

    /// One line of it, or nothing: ": text".
    std::string summary() const {
        std::string text(trim(text_));
        std::replace(text.begin(), text.end(), '\n', ' ');
        if (text.size() > kKept) {
            text.erase(0, text.size() - kKept);
        }
        return text.empty() ? text : ": " + text;
    }

  private:
    static constexpr size_t kKept = 1024;

    sys::Pipe pipe_;
    std::string text_;
};

/// Waits for the hook's end while its output is read, so that it cannot block on a full pipe.
/// false: the time was over.
bool wait_for_end(const sys::Child& child, HookOutput& output, int64_t timeout_s) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(timeout_s);
    bool is_open = true;
    for (;;) {
        int patience = -1;
        if (timeout_s > 0) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
            if (left.count() <= 0) {
                return false;
            }
            patience = static_cast<int>(std::min<int64_t>(left.count(), 1'000'000));
        }
        pollfd fds[2] = {{child.pidfd(), POLLIN, 0}, {output.read_end(), POLLIN, 0}};
        if (::poll(fds, is_open ? 2 : 1, patience) < 0 && errno != EINTR) {
            throw SysError(errno, "wait for a hook");
        }
        if (is_open && fds[1].revents != 0) {
            is_open = output.drain();
        }
        if ((fds[0].revents & POLLIN) != 0) {
            (void)output.drain();
            return true;
        }
    }
}

void run_hook(const HookStep& hook, const std::string& state, const std::string& directory) {
    const sys::UniqueFd input = make_state_file(state);
    HookOutput output;
    sys::SpawnOptions options;
    options.path = hook.path;
    options.argv = hook.argv;
    options.env = hook.env;
    options.stdin_fd = input.get();
    options.stdout_fd = output.write_end();
    options.stderr_fd = output.write_end();
    options.cwd = directory;
    options.process_group = 0;
    sys::Child child = doing(hook.member, [&] { return sys::spawn(options); });
    output.close_write_end();
    if (!wait_for_end(child, output, hook.timeout_s)) {
        const pid_t group = child.pid();
        (void)sys::raw::kill(-group, SIGKILL);  // what it has started too
        (void)child.kill(SIGKILL);
        (void)child.wait();
        throw Error(ErrorKind::timed_out,
                    "{}: {}: did not end within {} s and was killed{}",
                    hook.member,
                    hook.path,
                    hook.timeout_s,
                    output.summary());
    }
    const sys::ExitStatus status = child.wait();
    if (!status.is_success()) {
        throw Error(ErrorKind::invalid,
                    "{}: {}: {} {}{}",
                    hook.member,
                    hook.path,
                    status.is_signaled() ? "was killed by signal" : "ended with status",
                    status.is_signaled() ? status.signal : status.code,
                    output.summary());
    }
}

/// The bundle's directory may have gone by the time of poststop.
std::string working_directory(const ContainerState& state) {
    return !state.bundle.empty() && sys::file_exists(state.bundle) ? state.bundle : "/";
}

}  // namespace

std::string to_json_text(const ContainerState& state) {
    nlohmann::json object = {{"ociVersion", oci::kRuntimeSpecVersion},
                             {"id", state.id},
                             {"status", state.status},
                             {"bundle", state.bundle}};
    if (state.pid > 0) {
        object["pid"] = state.pid;
    }
    if (!state.annotations.empty()) {
        object["annotations"] = state.annotations;
    }
    return json::to_text(object);
}

std::vector<HookStep> plan_hook_steps(const std::vector<oci::spec::Hook>& hooks,
                                      std::string_view list) {
    std::vector<HookStep> steps;
    for (size_t i = 0; i < hooks.size(); ++i) {
        const oci::spec::Hook& hook = hooks[i];
        HookStep step;
        step.member = fmt::format("hooks: {}[{}]", list, i);
        if (hook.path.empty() || hook.path.front() != '/') {
            fail(step.member, fmt::format("path: '{}' is not absolute", hook.path));
        }
        if (hook.timeout && *hook.timeout <= 0) {
            fail(step.member, fmt::format("timeout: {} is not greater than zero", *hook.timeout));
        }
        step.path = hook.path;
        step.argv = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
        step.env = hook.env;
        step.timeout_s = hook.timeout.value_or(0);
        steps.push_back(std::move(step));
    }
    return steps;
}

void run_hooks(const std::vector<oci::spec::Hook>& hooks,
               std::string_view list,
               const ContainerState& state) {
    if (hooks.empty()) {
        return;
    }
    const std::string text = to_json_text(state);
    for (const HookStep& hook : plan_hook_steps(hooks, list)) {
        run_hook(hook, text, working_directory(state));
    }
}

void run_poststop_hooks(const std::vector<oci::spec::Hook>& hooks,
                        const ContainerState& state) noexcept {
    for (const oci::spec::Hook& hook : hooks) {
        try {
            run_hooks({hook}, "poststop", state);
        } catch (const std::exception& error) {
            NAU_LOG_WARN("{}, ignoring", error.what());
        }
    }
}

sys::UniqueFd make_state_file(const std::string& text) {
    sys::UniqueFd file = sys::memfd_create("state", MFD_ALLOW_SEALING);
    sys::pwrite_all(file.get(), text, 0);
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (const int result = sys::raw::fcntl(file.get(), F_ADD_SEALS, kSeals); result < 0) {
        throw SysError(-result, "seal the container's state");
    }
    return file;
}

}  // namespace nau::runtime
