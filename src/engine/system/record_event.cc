#include "engine/system/record_event.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "events/journal.h"
#include "storage/records/containers.h"
#include "storage/store.h"

namespace nau::engine {

EventDetails container_event(const storage::ContainerSummary& container, std::string action) {
    return {.action = std::move(action),
            .id = container.id.to_string(),
            .name = container.name,
            .image = container.image_name,
            .attributes = {}};
}

void record_event(Engine& engine, EventDetails details) {
    std::vector<EventDetails> one;
    one.push_back(std::move(details));
    record_events(engine, std::move(one));
}

void record_events(Engine& engine, std::vector<EventDetails> all) {
    try {
        const Time now = engine.clock().now();
        std::vector<events::Event> written;
        written.reserve(all.size());
        for (auto& details : all) {
            written.push_back({.time = now,
                               .namespace_name = engine.name_space(),
                               .type = details.type,
                               .action = std::move(details.action),
                               .id = std::move(details.id),
                               .name = std::move(details.name),
                               .image = std::move(details.image),
                               .attributes = std::move(details.attributes)});
        }
        const events::Journal journal(engine.store_for_reading().paths().journal());
        journal.append(written);
    } catch (const Error& error) {
        NAU_LOG_WARN("writing the journal: {}, ignoring", error.text());
    }
}

}  // namespace nau::engine
