#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/system/record_event.h"
#include "oci/reference.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

std::vector<storage::Image> select(const std::vector<storage::Image>& all,
                                   const std::vector<std::string>& names) {
    std::vector<storage::Image> selected;
    for (const auto& word : names) {
        const std::string name = oci::parse_reference(word).to_string();
        const auto found = std::find_if(
            all.begin(), all.end(), [&](const auto& record) { return record.name == name; });
        if (found == all.end()) {
            throw Error(ErrorKind::not_found, "'{}' is no name of the image", word)
                .with_hint("'nau images' lists the names");
        }
        selected.push_back(*found);
    }
    if (names.empty()) {
        std::copy_if(all.begin(), all.end(), std::back_inserter(selected), [](const auto& record) {
            return !is_nameless(record.name);
        });
    }
    return selected;
}

}  // namespace

void untag_image(Engine& engine,
                 const std::string& name_or_id,
                 const std::vector<std::string>& names) {
    const ResolvedImage image = get_image(engine, name_or_id);
    if (const auto record = find_image_record(engine, name_or_id)) {
        require_own(engine, *record, name_or_id);
    }
    storage::Store& store = engine.store_for_writing();
    auto& images = store.records().images;
    const auto all = images.find_by_id(engine.name_space(), image.image_id.to_string());
    const auto selected = select(all, names);
    if (selected.empty()) {
        return;
    }
    storage::Transaction tx(store.db());
    for (const auto& record : selected) {
        images.remove(tx, engine.name_space(), record.name);
    }
    if (images.find_by_id(engine.name_space(), image.image_id.to_string()).empty()) {
        storage::Image record = selected.front();
        record.name = nameless_record(image.image_id);
        record.updated = engine.clock().now();
        images.put(tx, record);
    }
    tx.commit(storage::Durability::durable);
    for (const auto& record : selected) {
        record_event(engine,
                     {.type = events::EventType::image,
                      .action = "untag",
                      .id = std::string(image.image_id.hex()),
                      .name = record.name,
                      .image = {},
                      .attributes = {}});
    }
}

}  // namespace nau::engine
