#include "engine/system/event_list.h"

#include "engine/engine.h"
#include "events/reader.h"
#include "storage/store.h"

namespace nau::engine {

void list_events(Engine& engine,
                 const EventListOptions& options,
                 const std::function<bool(const EventLine&)>& sink) {
    events::ReadOptions read;
    for (const auto& filter : options.filters) {
        read.filter.add(filter);
    }
    read.filter.namespaces = {engine.name_space()};
    read.since = options.since;
    read.until = options.until;
    read.follow = options.follows;
    // A journal that is to be followed has to have its directory.
    auto& store = options.follows ? engine.store_for_writing() : engine.store_for_reading();
    events::read_events(store.paths().journal(), read, [&](const events::Event& event) {
        return sink({.time = event.time,
                     .type = std::string(events::to_string(event.type)),
                     .action = event.action,
                     .id = event.id,
                     .name = event.name,
                     .image = event.image,
                     .attributes = event.attributes});
    });
}

}  // namespace nau::engine
