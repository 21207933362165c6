#include "subcommands/container/container_row.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "cli/human.h"
#include "cli/text.h"

namespace nau::subcommands {

namespace {

using engine::ContainerStatus;
using Json = nlohmann::json;

constexpr size_t kShortId = 12;
constexpr size_t kCommandColumns = 20;

int64_t seconds_since_epoch(const std::optional<Time>& time) {
    // podman's zero: the year 1 of Go.
    constexpr int64_t kNever = -62135596800;
    return time ? std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count()
                : kNever;
}

std::string code_text(const std::optional<int>& code) {
    return code ? fmt::format("{}", *code) : "unknown";
}

/// podman's list of objects, from "0.0.0.0:8080-8081->80-81/tcp".
Json ports_json(const std::string& text) {
    Json ports = Json::array();
    for (auto entry : split(text, ',')) {
        entry = trim(entry);
        const auto arrow = entry.find("->");
        const auto slash = entry.rfind('/');
        if (arrow == entry.npos || slash == entry.npos) {
            continue;
        }
        const auto host = entry.substr(0, arrow);
        const auto colon = host.rfind(':');
        const auto range = [](std::string_view word) {
            const auto ends = split_once(word, '-');
            const auto first = parse_uint64(ends ? ends->first : word).value_or(0);
            return std::pair(first, ends ? parse_uint64(ends->second).value_or(first) : first);
        };
        const auto outside = range(host.substr(colon + 1));
        const auto inside = range(entry.substr(arrow + 2, slash - arrow - 2));
        const auto address = host.substr(0, colon);
        ports.push_back({{"host_ip", address == "0.0.0.0" ? "" : std::string(address)},
                         {"container_port", inside.first},
                         {"host_port", outside.first},
                         {"range", outside.second - outside.first + 1},
                         {"protocol", std::string(entry.substr(slash + 1))}});
    }
    return ports;
}

bool has_ended(ContainerStatus status) {
    return status == ContainerStatus::exited || status == ContainerStatus::dead;
}

}  // namespace

std::string container_status_text(const engine::ContainerSummary& container, Time now) {
    switch (container.status) {
        case ContainerStatus::created:
            return "Created";
        case ContainerStatus::running: {
            std::string text =
                container.started
                    ? fmt::format("Up {}", cli::human_duration(now - *container.started))
                    : "Up";
            if (!container.health.empty()) {
                text += fmt::format(" ({})", container.health);
            }
            return text;
        }
        case ContainerStatus::restarting:
            return fmt::format(
                "Restarting ({}){}",
                code_text(container.exit_code),
                container.finished ? " " + cli::human_age(*container.finished, now) : "");
        case ContainerStatus::paused:
            return "Paused";
        case ContainerStatus::stopping:
            return "Stopping";
        case ContainerStatus::exited:
        case ContainerStatus::dead: {
            const std::string_view word =
                container.status == ContainerStatus::dead ? "Dead" : "Exited";
            const std::string age =
                container.finished ? " " + cli::human_age(*container.finished, now) : "";
            return fmt::format("{} ({}){}", word, code_text(container.exit_code), age);
        }
    }
    return "";
}

std::string command_text(const engine::ContainerSummary& container, bool is_whole) {
    const std::string line = fmt::format("{}", fmt::join(container.command, " "));
    return is_whole ? line : cli::truncate_to_width(cli::escape_control(line), kCommandColumns);
}

std::string short_id(const std::string& id, bool is_whole) {
    return is_whole ? id : id.substr(0, kShortId);
}

Json container_fields(const engine::ContainerSummary& container, Time now, bool is_whole) {
    const std::string age = cli::human_age(container.created, now);
    return {{"ID", short_id(container.id, is_whole)},
            {"Image", container.image},
            {"ImageID", short_id(container.image_id, is_whole)},
            {"Command", command_text(container, is_whole)},
            {"Created", age},
            {"CreatedHuman", age},
            {"CreatedAt", cli::long_time(container.created)},
            {"RunningFor", age},
            {"Status", container_status_text(container, now)},
            {"State", engine::to_string(container.status)},
            {"Ports", container.ports},
            {"Names", container.name},
            {"Labels", container.labels},
            {"Mounts", fmt::format("{}", fmt::join(container.mounts, ","))},
            {"Networks", fmt::format("{}", fmt::join(container.networks, ","))},
            {"Pid", container.pid},
            {"ExitCode", container.exit_code ? Json(*container.exit_code) : Json(nullptr)},
            {"Exited", has_ended(container.status)},
            {"StartedAt", seconds_since_epoch(container.started)},
            {"ExitedAt", seconds_since_epoch(container.finished)},
            {"AutoRemove", container.auto_remove}};
}

Json container_headings() {
    return {{"ID", "CONTAINER ID"},
            {"ImageID", "IMAGE ID"},
            {"Created", "CREATED"},
            {"CreatedAt", "CREATED AT"},
            {"CreatedHuman", "CREATED"},
            {"RunningFor", "CREATED"},
            {"Pid", "PID"},
            {"ExitCode", "EXIT CODE"},
            {"StartedAt", "STARTED AT"},
            {"ExitedAt", "EXITED AT"},
            {"AutoRemove", "AUTO REMOVE"}};
}

Json container_json(const engine::ContainerSummary& container, Time now) {
    return {{"Id", container.id},
            {"Names", {container.name}},
            {"Image", container.image},
            {"ImageID", container.image_id},
            {"Command", container.command},
            {"Created", seconds_since_epoch(container.created)},
            {"CreatedAt", cli::human_age(container.created, now)},
            {"StartedAt", seconds_since_epoch(container.started)},
            {"ExitedAt", seconds_since_epoch(container.finished)},
            {"Exited", has_ended(container.status)},
            {"ExitCode", container.exit_code ? Json(*container.exit_code) : Json(nullptr)},
            {"State", engine::to_string(container.status)},
            {"Status", container_status_text(container, now)},
            {"Pid", container.pid},
            {"Labels", container.labels},
            {"Mounts", container.mounts},
            {"Networks", container.networks},
            {"Ports", ports_json(container.ports)},
            {"AutoRemove", container.auto_remove}};
}

}  // namespace nau::subcommands
