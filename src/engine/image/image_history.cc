#include "engine/image/image_history.h"

#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "oci/identity.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

/// Of the own store and of those that are only read.
std::vector<uint64_t> layer_sizes(storage::Store& store, const std::vector<oci::ChainId>& chain) {
    std::map<std::string, uint64_t> elsewhere;
    for (const auto& additional : store.additional_stores()) {
        for (const auto& layer : additional->list_layers()) {
            elsewhere.try_emplace(layer.key.to_string(), layer.size_bytes.value_or(0));
        }
    }
    std::vector<uint64_t> sizes;
    for (const auto& chain_id : chain) {
        const auto snapshot = store.snapshots().find(chain_id);
        const auto other = elsewhere.find(chain_id.to_string());
        sizes.push_back(snapshot                   ? snapshot->size_bytes.value_or(0)
                        : other != elsewhere.end() ? other->second
                                                   : 0);
    }
    return sizes;
}

std::vector<std::string> names_of(Engine& engine, const oci::Digest& image_id) {
    std::vector<std::string> names;
    for (const auto& record : find_image_names(engine, image_id)) {
        if (!is_nameless(record.name)) {
            names.push_back(record.name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

std::vector<HistoryLine> image_history(Engine& engine, const std::string& name_or_id) {
    const ResolvedImage image = get_image(engine, name_or_id);
    const auto sizes =
        layer_sizes(engine.store_for_reading(), oci::chain_ids(image.config.diff_ids));
    std::vector<HistoryLine> lines;
    size_t layer = 0;
    for (const auto& entry : image.config.history) {
        HistoryLine line{.id = {},
                         .created = entry.created,
                         .created_by = entry.created_by,
                         .comment = entry.comment,
                         .is_empty = entry.empty_layer,
                         .tags = {}};
        if (!entry.empty_layer && layer < sizes.size()) {
            line.size_bytes = sizes[layer++];
        }
        lines.push_back(std::move(line));
    }
    for (; layer < sizes.size(); ++layer) {
        lines.push_back({.id = {},
                         .created = image.config.created,
                         .created_by = {},
                         .comment = {},
                         .size_bytes = sizes[layer],
                         .tags = {}});
    }
    std::reverse(lines.begin(), lines.end());
    if (!lines.empty()) {
        lines.front().id = image.image_id.hex();
        lines.front().tags = names_of(engine, image.image_id);
    }
    return lines;
}

ImageTree image_tree(Engine& engine, const std::string& name_or_id) {
    const ResolvedImage image = get_image(engine, name_or_id);
    storage::Store& store = engine.store_for_reading();
    const auto chain = oci::chain_ids(image.config.diff_ids);
    const auto sizes = layer_sizes(store, chain);
    auto records = store.records().images.list(engine.name_space());
    for (const auto& additional : store.additional_stores()) {
        for (auto& record : additional->list_images(engine.name_space())) {
            records.push_back(std::move(record));
        }
    }
    ImageTree tree{.id = std::string(image.image_id.hex()),
                   .tags = names_of(engine, image.image_id),
                   .layers = {}};
    for (size_t i = 0; i < chain.size(); ++i) {
        LayerLine line{.id = std::string(chain[i].hex()), .size_bytes = sizes[i], .top_of = {}};
        for (const auto& record : records) {
            if (record.chain_id == chain[i] && !is_nameless(record.name)) {
                line.top_of.push_back(record.name);
            }
        }
        std::sort(line.top_of.begin(), line.top_of.end());
        const auto end = std::unique(line.top_of.begin(), line.top_of.end());
        line.top_of.erase(end, line.top_of.end());  // what was pulled again has two records
        tree.size_bytes += sizes[i];
        tree.layers.push_back(std::move(line));
    }
    return tree;
}

}  // namespace nau::engine
