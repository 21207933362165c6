#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/image/mount_image.h"
#include "engine/store/upkeep.h"
#include "engine/system/record_event.h"
#include "oci/reference.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

/// What a word on the command line means: one name, or all names of an image.
struct Selection {
    std::vector<storage::Image> names;  ///< to be removed
    size_t name_count = 0;              ///< of the same image
    bool is_by_id = false;
    oci::Digest image_id;  ///< of the config; of what the name points to where that is not known
};

/// By the record alone: an image whose blobs are damaged can be removed all the same.
Selection select(Engine& engine, const std::string& name_or_id) {
    const auto record = find_image_record(engine, name_or_id);
    if (!record) {
        throw Error(ErrorKind::not_found, "no image '{}'", name_or_id)
            .with_hint("'nau images' lists what is here");
    }
    require_own(engine, *record, name_or_id);
    auto& images = engine.store_for_writing().records().images;
    std::vector<storage::Image> all;
    if (record->image_id) {
        all = images.find_by_id(engine.name_space(), record->image_id->to_string());
    } else {  // a manifest list: names of the same one
        all = images.list(engine.name_space());
        std::erase_if(all, [&](const storage::Image& other) {
            return other.image_id || other.target.digest != record->target.digest;
        });
    }
    Selection selection{.name_count = all.size(),
                        .image_id = record->image_id.value_or(record->target.digest)};
    try {
        if (oci::parse_reference(name_or_id).to_string() == record->name) {
            selection.names = {*record};
            return selection;
        }
    } catch (const Error&) {
        // Not a reference, so it was found as an id.
    }
    selection.is_by_id = true;
    selection.names = std::move(all);
    return selection;
}

bool is_up(storage::Store& store, const storage::ContainerSummary& container) {
    using Status = storage::ContainerStatus;
    const Status status = actual_state(store, container.id, container.state).status;
    return status == Status::running || status == Status::paused || status == Status::stopping;
}

[[noreturn]] void refuse_by_id(const oci::Digest& image_id,
                               std::string_view remedy,
                               std::string_view reason,
                               std::string hint) {
    throw Error(ErrorKind::in_use,
                "conflict: unable to delete {} ({}): image is {}",
                image_id.short_id(),
                remedy,
                reason)
        .with_hint(std::move(hint));
}

void check_users_by_id(storage::Store& store,
                       const Selection& selection,
                       const std::vector<storage::ContainerSummary>& users,
                       bool is_forced) {
    for (const auto& user : users) {
        if (is_up(store, user)) {
            refuse_by_id(selection.image_id,
                         "cannot be forced",
                         fmt::format("being used by running container {}", user.id.short_id()),
                         "stop the container first; by its names an image can be untagged");
        }
    }
    if (!users.empty() && !is_forced) {
        refuse_by_id(selection.image_id,
                     "must be forced",
                     fmt::format("being used by stopped container {}", users.front().id.short_id()),
                     "remove the container first; 'nau rmi -f' removes the image from under it");
    }
}

void check_users_by_name(const Selection& selection,
                         const std::vector<storage::ContainerSummary>& users,
                         const std::string& name_or_id,
                         bool is_forced) {
    if (!users.empty() && !is_forced) {
        throw Error(ErrorKind::in_use,
                    "conflict: unable to remove repository reference '{}' (must force): container "
                    "{} is using its referenced image {}",
                    name_or_id,
                    users.front().id.short_id(),
                    selection.image_id.short_id())
            .with_hint(
                "remove the container first; 'nau rmi -f' takes the name, the container stays");
    }
}

void check_rules(Engine& engine,
                 const Selection& selection,
                 const std::string& name_or_id,
                 bool is_forced) {
    if (selection.is_by_id && selection.name_count > 1 && !is_forced) {
        refuse_by_id(selection.image_id,
                     "must be forced",
                     fmt::format("referenced by {} names, among them {} and {}",
                                 selection.name_count,
                                 selection.names[0].name,
                                 selection.names[1].name),
                     "remove them by name, or all of them with 'nau rmi -f'");
    }
    if (selection.names.size() < selection.name_count) {
        return;
    }
    storage::Store& store = engine.store_for_writing();
    const auto users =
        store.records().containers.list_of_image(engine.name_space(), selection.image_id);
    if (selection.is_by_id) {
        check_users_by_id(store, selection, users, is_forced);
    } else {
        check_users_by_name(selection, users, name_or_id, is_forced);
    }
}

}  // namespace

RemovedImage remove_image(Engine& engine, const std::string& name_or_id, bool is_forced) {
    storage::Store& store = engine.store_for_writing();
    forget_unmounted_images(engine);
    const Selection selection = select(engine, name_or_id);
    check_rules(engine, selection, name_or_id, is_forced);
    RemovedImage removed;
    store.using_reserve([&] {
        removed.untagged.clear();
        storage::Transaction tx(store.db());
        for (const auto& name : selection.names) {
            if (store.records().images.remove(tx, engine.name_space(), name.name)) {
                removed.untagged.push_back(name.name);
            }
        }
        tx.commit(storage::Durability::durable);
    });
    NAU_FAIL_POINT("remove_image.after_commit");
    const bool is_last = selection.names.size() == selection.name_count;
    std::vector<EventDetails> events;
    for (const auto& name : removed.untagged) {
        events.push_back({.type = events::EventType::image,
                          .action = is_last ? "remove" : "untag",
                          .id = std::string(selection.image_id.hex()),
                          .name = name,
                          .image = {},
                          .attributes = {}});
    }
    record_events(engine, std::move(events));
    if (is_last) {
        removed.deleted.push_back(selection.image_id.to_string());
        start_upkeep(engine);  // collects: nobody waits for a gigabyte to be deleted
    }
    return removed;
}

void tag_image(Engine& engine, const std::string& name_or_id, const std::string& new_name) {
    const auto reference = oci::parse_reference(new_name);
    if (reference.digest()) {
        throw Error(ErrorKind::invalid, "'{}' has a digest; a new name is a tag", new_name);
    }
    const ResolvedImage image = get_image(engine, name_or_id);
    storage::Store& store = engine.store_for_writing();
    // Of an additional store too: then it is the own store's under this name.
    storage::Image record = find_image_record(engine, image.name).value();
    storage::Transaction tx(store.db());
    store.records().namespaces.ensure(tx, engine.name_space(), engine.clock().now());
    if (is_nameless(record.name)) {
        store.records().images.remove(tx, engine.name_space(), record.name);
    }
    record.name = reference.to_string();
    record.created = engine.clock().now();
    record.updated = record.created;
    store.records().images.put(tx, record);
    tx.commit(storage::Durability::durable);
    record_event(engine,
                 {.type = events::EventType::image,
                  .action = "tag",
                  .id = std::string(image.image_id.hex()),
                  .name = record.name,
                  .image = {},
                  .attributes = {}});
}

void remove_image_if_unused(Engine& engine, const std::string& name) {
    try {
        (void)remove_image(engine, name, /*is_forced=*/false);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::in_use && error.kind() != ErrorKind::not_found) {
            throw;
        }
    }
}

}  // namespace nau::engine
