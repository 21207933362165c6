#pragma once

// Writes an event to the journal. The work it tells of is done already, so a journal that cannot be
// written is a warning and no failure.

#include <map>
#include <string>
#include <vector>

#include "events/event.h"

namespace nau::storage {
struct ContainerSummary;
}

namespace nau::engine {

class Engine;

struct EventDetails {
    events::EventType type = events::EventType::container;
    std::string action;
    std::string id;
    std::string name;
    std::string image;
    std::map<std::string, std::string> attributes;
};

/// What has happened to a container.
EventDetails container_event(const storage::ContainerSummary& container, std::string action);

void record_event(Engine& engine, EventDetails details);
/// Many at once, in their order.
void record_events(Engine& engine, std::vector<EventDetails> all);

}  // namespace nau::engine
