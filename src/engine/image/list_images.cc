#include <algorithm>
#include <unordered_map>

#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

/// Bytes of each stack of unpacked layers, by chainID.
class StackSizes {
  public:
    explicit StackSizes(const std::vector<storage::Snapshot>& snapshots) {
        for (const auto& snapshot : snapshots) {
            by_key_.emplace(snapshot.key.to_string(), &snapshot);
        }
    }

    uint64_t of(const std::optional<oci::ChainId>& chain_id) const {
        uint64_t total = 0;
        std::optional<oci::ChainId> next = chain_id;
        while (next) {
            const auto found = by_key_.find(next->to_string());
            if (found == by_key_.end()) {
                break;
            }
            total += found->second->size_bytes.value_or(0);
            next = found->second->parent;
        }
        return total;
    }

  private:
    std::unordered_map<std::string, const storage::Snapshot*> by_key_;
};

ImageSummary summarize(const storage::Image& image, const StackSizes& sizes) {
    ImageSummary summary;
    // A manifest list has no config; its own digest stands for it.
    summary.id = image.image_id.value_or(image.target.digest).hex();
    summary.digest = image.target.digest.to_string();
    const ShownName name = shown_name(image.name);
    summary.repository = name.repository;
    summary.tag = name.tag;
    summary.created = image.image_created.value_or(image.created);
    summary.size_bytes = sizes.of(image.chain_id);
    summary.labels = image.labels;
    return summary;
}

/// What has the same name here hides it.
void add_additional(Engine& engine, std::vector<ImageSummary>& summaries) {
    for (const auto& store : engine.store_for_reading().additional_stores()) {
        const auto layers = store->list_layers();
        const StackSizes sizes(layers);
        for (const auto& image : store->list_images(engine.name_space())) {
            ImageSummary summary = summarize(image, sizes);
            const bool is_hidden =
                std::any_of(summaries.begin(), summaries.end(), [&](const ImageSummary& other) {
                    return other.repository == summary.repository && other.tag == summary.tag &&
                           (summary.repository != "<none>" || other.id == summary.id);
                });
            if (!is_hidden) {
                summary.read_only_store = store->graph_root().string();
                summaries.push_back(std::move(summary));
            }
        }
    }
}

}  // namespace

std::vector<ImageSummary> list_own_images(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    std::vector<ImageSummary> summaries;
    const auto snapshots = store.snapshots().list_committed();
    const StackSizes sizes(snapshots);
    const auto users = store.records().containers.count_by_image(engine.name_space());
    for (const auto& image : store.records().images.list(engine.name_space())) {
        ImageSummary summary = summarize(image, sizes);
        if (const auto found = users.find("sha256:" + summary.id); found != users.end()) {
            summary.container_count = found->second;
        }
        summaries.push_back(std::move(summary));
    }
    return summaries;
}

std::vector<ImageSummary> list_images(Engine& engine) {
    std::vector<ImageSummary> summaries = list_own_images(engine);
    add_additional(engine, summaries);
    return summaries;
}

}  // namespace nau::engine
