#include "engine/container/past_containers.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"

namespace nau::engine {

void PastContainers::add(const EventLine& event) {
    if (event.type != "container") {
        return;
    }
    if (event.action == "remove") {
        containers_.erase(event.id);
        return;
    }
    const auto [found, is_new] = containers_.try_emplace(event.id);
    ContainerSummary& container = found->second;
    if (is_new) {
        // One that is older than the journal: what it was before is not known, but that it was
        // there.
        container.id = event.id;
        container.image = event.image;
        container.created = event.time;
    }
    container.name = event.name;
    if (event.action == "start" || event.action == "unpause") {
        container.status = ContainerStatus::running;
        container.started = event.action == "start" ? event.time : container.started;
        container.exit_code.reset();
    } else if (event.action == "pause") {
        container.status = ContainerStatus::paused;
    } else if (event.action == "died") {
        const auto code = event.attributes.find("exitCode");
        const auto number =
            code == event.attributes.end() ? std::nullopt : parse_int64(code->second);
        container.status = ContainerStatus::exited;
        container.finished = event.time;
        container.exit_code = number ? std::optional(static_cast<int>(*number)) : std::nullopt;
    }
    const auto health = event.attributes.find("healthStatus");
    container.health = event.action == "health_status" && health != event.attributes.end()
                           ? health->second
                       : container.status == ContainerStatus::running ? container.health
                                                                      : "";
}

std::vector<ContainerSummary> PastContainers::list(bool includes_stopped) const {
    std::vector<ContainerSummary> all;
    for (const auto& [id, container] : containers_) {
        const bool is_alive = container.status == ContainerStatus::running ||
                              container.status == ContainerStatus::paused;
        if (is_alive || includes_stopped) {
            all.push_back(container);
        }
    }
    std::ranges::stable_sort(all, std::ranges::greater(), &ContainerSummary::created);
    return all;
}

std::vector<ContainerSummary> containers_at(Engine& engine, Time at, bool includes_stopped) {
    PastContainers past;
    std::optional<Time> oldest;
    list_events(engine, {.until = at}, [&](const EventLine& event) {
        oldest = oldest ? oldest : std::optional(event.time);
        past.add(event);
        return true;
    });
    if (!oldest) {
        throw Error(ErrorKind::not_found, "the journal does not go back to {}", format_rfc3339(at))
            .with_hint("'nau events --stream=false' shows where it begins");
    }
    return past.list(includes_stopped);
}

}  // namespace nau::engine
