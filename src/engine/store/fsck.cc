#include "engine/store/fsck.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/image/pull_image.h"
#include "engine/store/compare_layers.h"
#include "engine/store/upkeep.h"
#include "oci/reference.h"
#include "storage/rebuild/rescue.h"
#include "storage/store.h"
#include "storage/trash.h"
#include "sys/file.h"
#include "sys/process.h"

namespace nau::engine {

namespace {

using Kind = StoreProblem::Kind;

class Repair {
  public:
    Repair(Engine& engine, FsckReport& report, PullProgress* progress, std::stop_token stop)
        : engine_(engine),
          store_(engine.store_for_writing()),
          report_(report),
          progress_(progress),
          stop_(std::move(stop)) {}

    void run() {
        for (const auto& problem : report_.first.problems) {
            throw_away(problem);
        }
        NAU_FAIL_POINT("fsck.after_throw_away");
        for (const auto& name_space : store_.records().namespaces.list()) {
            for (const auto& image : store_.records().images.list(name_space.name)) {
                try {
                    complete(image);
                } catch (const Error& error) {
                    if (error.kind() == ErrorKind::interrupted) {
                        throw;
                    }
                    mended("image {}: not repaired: {}", image.name, error.text());
                }
            }
        }
        complete_containers();
    }

  private:
    /// Their images may have no names any more.
    void complete_containers() {
        for (const auto& name_space : store_.records().namespaces.list()) {
            for (const auto& container : store_.records().containers.list(name_space.name)) {
                complete(container);
            }
        }
    }

    void complete(const storage::ContainerSummary& container) {
        const auto snapshot = store_.snapshots().find(storage::SnapshotKey(container.id));
        if (!snapshot || !snapshot->parent || is_stack_complete(*snapshot->parent)) {
            return;
        }
        try {
            const auto record = store_.records().containers.get(container.id);
            if (record.manifest_digest && record.image_id) {
                unpack_layers(engine_, *record.manifest_digest, *record.image_id);
                mended("container {}: its layers are unpacked", container.id.short_id());
            }
        } catch (const Error& error) {
            mended("container {}: not repaired: {}", container.id.short_id(), error.text());
        }
    }

    template <typename... Args>
    void mended(fmt::format_string<Args...> format, Args&&... args) {
        report_.mended.push_back(fmt::format(format, std::forward<Args>(args)...));
    }

    /// What is wrong makes room for what is right.
    void throw_away(const StoreProblem& problem) {
        const storage::Trash trash(store_.paths());
        switch (problem.kind) {
            case Kind::damaged_blob:
                if (trash.take(store_.paths().blob(*problem.blob))) {
                    mended("blob {}: threw the damaged bytes away", *problem.blob);
                }
                break;
            case Kind::damaged_layer: {
                storage::Transaction tx(store_.db());
                storage::Statement remove(tx.db(), "DELETE FROM snapshots WHERE number = ?1");
                remove.bind(1, problem.layer->number).run();
                tx.commit(storage::Durability::durable);
                (void)store_.snapshots().throw_away(*problem.layer);
                mended("layer {}: threw the damaged tree away", problem.layer->key.to_string());
                break;
            }
            case Kind::foreign_file:
                if (trash.take(problem.path)) {
                    mended("{}: removed", problem.path);
                }
                break;
            case Kind::lost_volume:
                adopt_volume(problem);
                break;
            case Kind::database:
            case Kind::missing_blob:
            case Kind::missing_layer:
                break;
        }
    }

    void adopt_volume(const StoreProblem& problem) {
        storage::Transaction tx(store_.db());
        store_.records().volumes.create(tx,
                                        {.name_space = problem.name_space,
                                         .name = problem.image,
                                         .labels = {},
                                         .options = {},
                                         .created = engine_.clock().now(),
                                         .is_used = true});
        tx.commit(storage::Durability::durable);
        mended("volume {}: has a record again", problem.image);
    }

    bool has_all_blobs(const storage::Image& image) {
        auto& content = store_.content();
        if (!content.has(image.target.digest) || !image.manifest_digest || !image.image_id ||
            !content.has(*image.manifest_digest) || !content.has(*image.image_id)) {
            return false;
        }
        const auto manifest = oci::parse_manifest(
            content.read_blob(*image.manifest_digest, oci::kMaxManifestBytes), "");
        return std::all_of(manifest.layers.begin(), manifest.layers.end(), [&](const auto& layer) {
            return content.has(layer.digest);
        });
    }

    /// An image of another namespace is repaired by this namespace's engine all the same: content
    /// has no tenant.
    void complete(const storage::Image& image) {
        if (!has_all_blobs(image)) {
            fetch_again(image);
            mended("image {}: fetched what was missing", image.name);
            return;
        }
        if (image.chain_id && !is_stack_complete(*image.chain_id)) {
            unpack_layers(engine_, *image.manifest_digest, *image.image_id);
            mended("image {}: unpacked what was missing", image.name);
        }
    }

    bool is_stack_complete(const oci::ChainId& chain_id) {
        try {
            (void)store_.snapshots().lower_dirs(chain_id);
            return true;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) {
                throw;
            }
            return false;
        }
    }

    /// By its digest, under a name of its own that goes again: the tag may mean something else by
    /// now, and is not moved.
    void fetch_again(const storage::Image& image) {
        const auto reference = oci::parse_reference(image.name).with_digest(image.target.digest);
        const std::string name = reference.to_string();
        const bool had_name = store_.records().images.find(engine_.name_space(), name).has_value();
        PullOptions options;
        options.reference = name;
        options.platform = image.platform;
        pull_image(engine_, options, progress_, stop_);
        if (!had_name) {
            storage::Transaction tx(store_.db());
            store_.records().images.remove(tx, engine_.name_space(), name);
            tx.commit(storage::Durability::durable);
        }
    }

    Engine& engine_;
    storage::Store& store_;
    FsckReport& report_;
    PullProgress* progress_;
    std::stop_token stop_;
};

/// With a database that cannot be read there is nothing else to look at.
StoreCheck check_or_name_damage(Engine& engine, const StoreCheckOptions& options) {
    try {
        return check_store(engine, options);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::corrupt) {
            throw;
        }
        StoreCheck check;
        check.problems.push_back({.kind = Kind::database, .text = error.text()});
        return check;
    }
}

bool is_suspect(Engine& engine) {
    return storage::is_database_suspect(
        storage::Paths(engine.options().graph_root, engine.options().run_root));
}

/// Also when only an earlier command has found something: then nobody has to look again.
void rescue(Engine& engine, FsckReport& report) {
    engine.close_store();
    const storage::Paths paths(engine.options().graph_root, engine.options().run_root);
    const auto rescue = storage::rescue_database(paths, sys::boot_id(), engine.clock().now());
    if (rescue) {
        report.mended.push_back(fmt::format("database: kept it as {} and rebuilt it with {}",
                                            rescue->aside.string(),
                                            storage::to_text(rescue->rebuilt)));
    }
}

}  // namespace

FsckReport fsck(Engine& engine,
                const FsckOptions& options,
                PullProgress* progress,
                std::stop_token stop) {
    engine.leave_damage();
    FsckReport report;
    report.first = check_or_name_damage(engine, options.check);
    const auto is_of_database = [](const StoreProblem& each) {
        return each.kind == Kind::database;
    };
    auto& problems = report.first.problems;
    const bool is_damaged = std::any_of(problems.begin(), problems.end(), is_of_database);
    if (options.repairs && !is_damaged && is_suspect(engine)) {
        rescue(engine, report);
    }
    if (options.repairs && is_damaged) {
        rescue(engine, report);
        const StoreCheck again = check_store(engine, options.check);
        problems.insert(problems.end(), again.problems.begin(), again.problems.end());
    }
    if (options.check.compares_layers &&
        std::none_of(problems.begin(), problems.end(), is_of_database)) {
        for (auto& problem : compare_layers(engine, stop)) {
            const bool is_told =
                std::any_of(problems.begin(), problems.end(), [&](const auto& other) {
                    return other.layer && other.layer->number == problem.layer->number;
                });
            if (!is_told) {
                problems.push_back(std::move(problem));
            }
        }
    }
    if (report.first.problems.empty() || !options.repairs) {
        report.left = report.first.problems;
        return report;
    }
    const UpkeepPause pause(engine);
    Repair(engine, report, progress, std::move(stop)).run();
    report.left = check_store(engine, options.check).problems;
    start_upkeep(engine);
    return report;
}

}  // namespace nau::engine
