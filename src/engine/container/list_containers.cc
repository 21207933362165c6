#include <algorithm>
#include <map>
#include <unordered_set>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/container/container_config.h"
#include "engine/container/containers.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "monitor/health.h"
#include "oci/reference.h"
#include "sys/file.h"
#include "sys/namespace.h"

namespace nau::engine {

namespace {

ContainerStatus to_status(storage::ContainerStatus status) noexcept {
    switch (status) {
        case storage::ContainerStatus::created:
            return ContainerStatus::created;
        case storage::ContainerStatus::running:
            return ContainerStatus::running;
        case storage::ContainerStatus::paused:
            return ContainerStatus::paused;
        case storage::ContainerStatus::stopping:
            return ContainerStatus::stopping;
        case storage::ContainerStatus::exited:
            return ContainerStatus::exited;
        case storage::ContainerStatus::restarting:
            return ContainerStatus::restarting;
        case storage::ContainerStatus::dead:
            return ContainerStatus::dead;
    }
    return ContainerStatus::dead;
}

/// Names below the run root's containers/: of those with a task, and of few others. What has none
/// has ended and been settled, or was never started: its record says all, and no file has to be
/// looked for. To be read after the records, so that a start in between is seen.
std::unordered_set<std::string> list_run_directories(const storage::Paths& paths) {
    std::unordered_set<std::string> names;
    if (auto entries = sys::list_directory_if_exists(paths.container_runs())) {
        for (auto& entry : *entries) {
            names.insert(std::move(entry.name));
        }
    }
    return names;
}

ContainerSummary summarize(storage::Store& store,
                           storage::ContainerSummary&& stored,
                           bool has_run_directory) {
    using Stored = storage::ContainerStatus;
    const Stored word = stored.state.status;
    const bool is_settled =
        !has_run_directory && (word == Stored::created || word == Stored::exited);
    const storage::ContainerState state =
        is_settled ? std::move(stored.state) : actual_state(store, stored.id, stored.state);
    ContainerSummary summary;
    summary.id = stored.id.to_string();
    summary.name = std::move(stored.name);
    summary.image = std::move(stored.image_name);
    summary.image_id = stored.image_id ? std::string(stored.image_id->hex()) : std::string();
    summary.command = std::move(stored.command);
    summary.created = stored.created;
    summary.status = to_status(state.status);
    summary.started = state.started_at;
    summary.finished = state.finished_at;
    summary.exit_code = state.exit_code;
    summary.pid = state.init.pid;
    if (state.status == storage::ContainerStatus::running) {
        if (const auto health =
                monitor::read_health_state(store.paths().container_run(stored.id))) {
            summary.health = monitor::to_string(health->status);
        }
    }
    summary.labels = std::move(stored.labels);
    summary.networks = std::move(stored.networks);
    summary.mounts = std::move(stored.mounts);
    summary.auto_remove = stored.auto_remove;
    return summary;
}

bool matches_label(const ContainerSummary& container, std::string_view wanted) {
    const auto pair = split_once(wanted, '=');
    const auto found = container.labels.find(std::string(pair ? pair->first : wanted));
    return found != container.labels.end() && (!pair || found->second == pair->second);
}

bool matches_ancestor(const ContainerSummary& container, const std::string& wanted) {
    if (wanted.size() >= 12 && container.image_id.starts_with(wanted)) {
        return true;
    }
    if (wanted == container.image) {
        return true;
    }
    try {
        return oci::parse_reference(wanted).to_string() == container.image;
    } catch (const Error&) {
        return false;  // no reference, so no image has that name
    }
}

/// "80" or "80-90"; what is none holds no port.
std::pair<uint64_t, uint64_t> port_range(std::string_view text) {
    const auto ends = split_once(text, '-');
    const auto first = parse_uint64(ends ? ends->first : text);
    const auto last = ends ? parse_uint64(ends->second) : first;
    return first && last ? std::pair(*first, *last) : std::pair<uint64_t, uint64_t>(1, 0);
}

/// "80", "80/udp" or "80-90": a port of the container or of the host, as docker has it.
bool matches_published_port(const ContainerSummary& container, const std::string& wanted) {
    const auto with_protocol = split_once(wanted, '/');
    const std::string_view protocol = with_protocol ? with_protocol->second : "tcp";
    const auto [first, last] = port_range(with_protocol ? with_protocol->first : wanted);
    for (auto entry : split(container.ports, ',')) {
        entry = trim(entry);  // "0.0.0.0:8080-8081->80-81/tcp"
        const size_t arrow = entry.find("->");
        const size_t slash = entry.rfind('/');
        if (arrow == entry.npos || slash == entry.npos || entry.substr(slash + 1) != protocol) {
            continue;
        }
        const auto inside = port_range(entry.substr(arrow + 2, slash - arrow - 2));
        const auto host = entry.substr(0, arrow);
        const auto outside = port_range(host.substr(host.rfind(':') + 1));
        for (const auto& range : {inside, outside}) {
            if (first <= range.second && range.first <= last) {
                return true;
            }
        }
    }
    return false;
}

using Matcher = bool (*)(const ContainerSummary&, const std::string&);

const std::map<std::string_view, Matcher>& matchers() {
    static const std::map<std::string_view, Matcher> table = {
        {"id", [](const ContainerSummary& c, const std::string& v) { return c.id.starts_with(v); }},
        {"name",
         [](const ContainerSummary& c, const std::string& v) {
             return c.name.find(v) != std::string::npos;
         }},
        {"status",
         [](const ContainerSummary& c, const std::string& v) { return to_string(c.status) == v; }},
        {"exited",
         [](const ContainerSummary& c, const std::string& v) {
             return c.status == ContainerStatus::exited && c.exit_code &&
                    std::to_string(*c.exit_code) == v;
         }},
        {"label",
         [](const ContainerSummary& c, const std::string& v) { return matches_label(c, v); }},
        {"ancestor",
         [](const ContainerSummary& c, const std::string& v) { return matches_ancestor(c, v); }},
        {"network",
         [](const ContainerSummary& c, const std::string& v) {
             return std::find(c.networks.begin(), c.networks.end(), v) != c.networks.end();
         }},
        {"volume",
         [](const ContainerSummary& c, const std::string& v) {
             return std::find(c.mounts.begin(), c.mounts.end(), v) != c.mounts.end();
         }},
        {"label!",
         [](const ContainerSummary& c, const std::string& v) { return !matches_label(c, v); }},
        {"health",
         [](const ContainerSummary& c, const std::string& v) {
             return (c.health.empty() ? std::string_view("none") : std::string_view(c.health)) == v;
         }},
        {"publish", matches_published_port},
        {"is-task",  // of docker's swarm, which nobody is in
         [](const ContainerSummary&, const std::string& v) { return v == "false" || v == "0"; }},
        {"command",
         [](const ContainerSummary& c, const std::string& v) {
             return !c.command.empty() && c.command.front() == v;
         }},
    };
    return table;
}

/// Values of one key are alternatives, keys must all hold; only labels must all hold each.
class Filter {
  public:
    Filter(Engine& engine, const ListContainersOptions& options)
        : store_(engine.store_for_reading()) {
        for (const auto& [key, value] : options.filters) {
            if (key == "before" || key == "since") {
                const auto id = find_container(engine, value);
                const auto other = engine.store_for_reading().records().containers.find_summary(id);
                (key == "before" ? before_ : since_) = other ? other->created : Time{};
                continue;
            }
            if (key == "until") {
                const auto time = parse_rfc3339(value);
                if (!time) {
                    throw Error(ErrorKind::invalid, "filter until: '{}' is no time", value);
                }
                before_ = before_ ? std::min(*before_, *time) : *time;
                continue;
            }
            if (key == "pod") {
                throw Error(ErrorKind::unsupported, "filter pod: there are no pods");
            }
            if (key != "expose" && key != "restart-policy" && matchers().count(key) == 0) {
                throw Error(ErrorKind::invalid, "unknown filter '{}'", key)
                    .with_hint(
                        "filters: ancestor, before, command, exited, expose, health, id, is-task, "
                        "label, label!, name, network, publish, restart-policy, since, status, "
                        "until, volume");
            }
            wanted_[key].push_back(value);
        }
    }

    bool has_state_condition() const {
        return wanted_.count("status") != 0 || wanted_.count("exited") != 0;
    }

    bool matches(const ContainerSummary& container) const {
        if ((before_ && container.created >= *before_) ||
            (since_ && container.created <= *since_)) {
            return false;
        }
        return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& condition) {
            const auto& [key, values] = condition;
            if (key == "expose" || key == "restart-policy") {
                return matches_config(container, key, values);
            }
            const Matcher matcher = matchers().at(key);
            const auto is_match = [&](const std::string& value) {
                return matcher(container, value);
            };
            return key == "label" || key == "label!"
                       ? std::all_of(values.begin(), values.end(), is_match)
                       : std::any_of(values.begin(), values.end(), is_match);
        });
    }

  private:
    /// What only the whole record knows; read for those that match so far as the order of keys has
    /// it.
    bool matches_config(const ContainerSummary& container,
                        const std::string& key,
                        const std::vector<std::string>& values) const {
        const auto record =
            store_.records().containers.find(storage::ContainerId::parse(container.id));
        if (!record) {
            return false;
        }
        const ContainerConfig config = parse_container_config(record->config);
        return std::any_of(values.begin(), values.end(), [&](const std::string& value) {
            if (key == "restart-policy") {
                return split_once(config.restart_policy + ":", ':')->first == value;
            }
            const std::string port =
                value.find('/') == value.npos ? fmt::format("{}/tcp", value) : value;
            return std::find(config.exposed_ports.begin(), config.exposed_ports.end(), port) !=
                   config.exposed_ports.end();
        });
    }

    storage::Store& store_;
    std::map<std::string, std::vector<std::string>> wanted_;
    std::optional<Time> before_;
    std::optional<Time> since_;
};

bool is_up(ContainerStatus status) noexcept {
    return status == ContainerStatus::running || status == ContainerStatus::paused ||
           status == ContainerStatus::stopping || status == ContainerStatus::restarting;
}

}  // namespace

std::string_view to_string(ContainerStatus status) noexcept {
    switch (status) {
        case ContainerStatus::created:
            return "created";
        case ContainerStatus::running:
            return "running";
        case ContainerStatus::paused:
            return "paused";
        case ContainerStatus::stopping:
            return "stopping";
        case ContainerStatus::exited:
            return "exited";
        case ContainerStatus::restarting:
            return "restarting";
        case ContainerStatus::dead:
            return "dead";
    }
    return "dead";
}

std::vector<ContainerSummary> list_containers(Engine& engine,
                                              const ListContainersOptions& options) {
    storage::Store& store = engine.store_for_reading();
    const Filter filter(engine, options);
    const bool includes_stopped =
        options.includes_stopped || options.last.has_value() || filter.has_state_condition();
    std::vector<ContainerSummary> summaries;
    auto records = store.records().containers.list(engine.name_space());
    const auto run_directories = list_run_directories(store.paths());
    const auto ports = store.records().networks.list_ports();
    for (auto& stored : records) {
        if (options.last && summaries.size() == *options.last) {
            break;
        }
        const bool has_run_directory = run_directories.contains(stored.id.to_string());
        ContainerSummary summary = summarize(store, std::move(stored), has_run_directory);
        if (const auto place = ports.find(summary.id); place != ports.end()) {
            summary.ports = place->second;
        }
        if ((includes_stopped || is_up(summary.status)) && filter.matches(summary)) {
            summaries.push_back(std::move(summary));
        }
    }
    return summaries;
}

std::map<std::string, std::string> process_namespaces(int pid) {
    std::map<std::string, std::string> numbers;
    if (pid == 0) {
        return numbers;
    }
    for (const auto kind : sys::kAllNamespaceKinds) {
        const std::string name = sys::proc_name(kind);
        try {
            // "net:[4026531840]"
            const std::string link = sys::readlink(fmt::format("/proc/{}/ns/{}", pid, name));
            const size_t open = link.find('[');
            numbers[name] =
                open == link.npos ? link : link.substr(open + 1, link.size() - open - 2);
        } catch (const SysError&) {
            continue;  // it has ended, or the kernel has no such namespaces
        }
    }
    return numbers;
}

std::string find_container_id(Engine& engine, const std::string& name_or_id) {
    return find_container(engine, name_or_id).to_string();
}

bool container_exists(Engine& engine, const std::string& name_or_id) {
    auto& containers = engine.store_for_reading().records().containers;
    return containers.resolve(engine.name_space(), name_or_id).has_value();
}

std::string latest_container_id(Engine& engine) {
    if (const auto id =
            engine.store_for_reading().records().containers.latest(engine.name_space())) {
        return id->to_string();
    }
    throw Error(ErrorKind::not_found, "there are no containers");
}

}  // namespace nau::engine
