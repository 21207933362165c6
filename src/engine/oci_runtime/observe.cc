#include "engine/oci_runtime/observe.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "engine/oci_runtime/container_dir.h"
#include "engine/oci_runtime/status.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/process.h"

namespace nau::engine::oci_runtime {

namespace {

constexpr size_t kMaxOutput = 16 * 1024 * 1024;
constexpr size_t kMaxPasswd = 1024 * 1024;

std::string find_ps() {
    for (const char* path : {"/bin/ps", "/usr/bin/ps", "/usr/local/bin/ps"}) {
        if (sys::file_exists(path)) {
            return path;
        }
    }
    throw Error(ErrorKind::not_found, "listing processes as a table: there is no program 'ps'")
        .with_hint("--format json needs none");
}

std::string output_of_ps(const std::vector<std::string>& arguments) {
    sys::Pipe pipe = sys::pipe2();
    sys::SpawnOptions spawn;
    spawn.path = find_ps();
    spawn.argv = {"ps"};
    spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
    spawn.stdin_fd = sys::SpawnOptions::kNull;
    spawn.stdout_fd = pipe.write.get();
    sys::Child child = sys::spawn(spawn);
    pipe.write.reset();
    std::string output = sys::read_fd(pipe.read.get(), kMaxOutput);
    if (!child.wait().is_success()) {
        throw Error(ErrorKind::invalid, "the program 'ps' refuses its arguments");
    }
    return output;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(line, ' ')) {
        if (!word.empty()) {
            words.push_back(word);
        }
    }
    return words;
}

}  // namespace

nlohmann::json query_state(const std::string& root, const std::string& id) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    return state_object(state, find_status(directory, state));
}

std::vector<nlohmann::json> list_containers(const std::string& root) {
    std::vector<nlohmann::json> list;
    for (const std::string& id : list_container_ids(root)) {
        try {
            const ContainerDir directory(root, id);
            const auto state = directory.find_state();
            if (state) {
                nlohmann::json object = state_object(*state, find_status(directory, *state));
                object["owner"] = owner_name(state->owner_uid);
                list.push_back(std::move(object));
            }
        } catch (const Error& error) {
            NAU_LOG_WARN("container '{}': {}, ignoring", id, error.what());
        }
    }
    return list;
}

std::vector<int> list_processes(const std::string& root, const std::string& id) {
    const ContainerDir directory(root, id);
    const ContainerState state = directory.read_state();
    if (const auto groups = open_groups(state)) {
        const std::vector<pid_t> pids = groups->processes();
        return {pids.begin(), pids.end()};
    }
    return find_init(state) ? std::vector<int>{state.init.pid} : std::vector<int>{};
}

std::string run_ps(const std::vector<int>& pids, const std::vector<std::string>& arguments) {
    const std::string output =
        output_of_ps(arguments.empty() ? std::vector<std::string>{"-ef"} : arguments);
    std::unordered_set<std::string> wanted;
    for (const int pid : pids) {
        wanted.insert(fmt::format("{}", pid));
    }
    std::string table;
    std::optional<size_t> column;
    for (const std::string_view line : split(output, '\n')) {
        const auto words = words_of(line);
        if (!column) {
            const auto found = std::find(words.begin(), words.end(), "PID");
            if (found == words.end()) {
                throw Error(ErrorKind::invalid, "the output of 'ps' has no column PID")
                    .with_hint("choose a format of ps that has one, such as 'aux'");
            }
            column = static_cast<size_t>(found - words.begin());
        } else if (words.size() <= *column || !wanted.contains(std::string(words[*column]))) {
            continue;
        }
        table += fmt::format("{}\n", line);
    }
    return table;
}

std::string owner_name(uint32_t uid) {
    const auto text = sys::read_file_if_exists("/etc/passwd", kMaxPasswd);
    for (const std::string_view line : split(text ? std::string_view(*text) : "", '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() > 2 && fields[2] == fmt::format("{}", uid)) {
            return std::string(fields[0]);
        }
    }
    return fmt::format("{}", uid);
}

}  // namespace nau::engine::oci_runtime
