#include "storage/rebuild/rebuild.h"

#include <algorithm>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/rebuild/copies.h"
#include "storage/records/records.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr size_t kAnonymousNameLength = 64;

class Rebuild {
  public:
    Rebuild(Database& db, const Paths& paths, Time now)
        : paths_(paths), now_(now), records_(db), tx_(db) {}

    void run() {
        restore_images();
        restore_volumes();
        restore_containers();
        reserve_snapshot_numbers();
        NAU_FAIL_POINT("rebuild.before_commit");
        tx_.commit(Durability::durable);
        NAU_LOG_WARN("{} was lost: rebuilt it with {} images, {} containers and {} volumes",
                     paths_.database().string(),
                     images_,
                     containers_,
                     volumes_);
    }

  private:
    void restore_images() {
        for (const auto& image : read_image_copies(paths_)) {
            records_.images.put(tx_, image);
            ++images_;
        }
    }

    /// Their data is what counts; whether they had a name of their own shows in its form.
    void restore_volumes() {
        for (const auto& name_space : names_in(paths_.volumes())) {
            for (const auto& name : names_in(paths_.volumes() / name_space)) {
                const bool is_anonymous = name.size() == kAnonymousNameLength &&
                                          name.find_first_not_of("0123456789abcdef") == name.npos;
                records_.volumes.create(tx_,
                                        {.name_space = name_space,
                                         .name = name,
                                         .labels = {},
                                         .options = {},
                                         .created = now_,
                                         .is_anonymous = is_anonymous,
                                         .is_used = true});
                ++volumes_;
            }
        }
    }

    static std::vector<std::string> names_in(const std::filesystem::path& directory) {
        std::vector<std::string> names;
        const auto entries = sys::list_directory_if_exists(directory);
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            if (is_plain_name(entry.name)) {
                names.push_back(entry.name);
            }
        }
        return names;
    }

    void restore_containers() {
        auto copies = read_container_copies(paths_);
        std::sort(copies.begin(), copies.end(), [](const auto& a, const auto& b) {
            return a.container.created < b.container.created;
        });
        for (auto& copy : copies) {
            restore(copy);
            ++containers_;
        }
    }

    void restore(ContainerCopy& copy) {
        Container& container = copy.container;
        // Whether it runs says the run directory; how it ended, nobody knows any more.
        container.state.status = ContainerStatus::exited;
        container.state.error = "its record was lost and rebuilt";
        if (records_.containers.find_by_name(container.name_space, container.name)) {
            container.name += fmt::format("_{}", container.id.short_id());
        }
        records_.containers.create(tx_, container);
        Statement insert(
            tx_.db(),
            "INSERT OR IGNORE INTO snapshots (number, key, kind, parent, created, labels)"
            " VALUES (?1, ?2, 0, ?3, ?4, '{}')");
        insert.bind(1, copy.snapshot_number)
            .bind(2, container.id.to_string())
            .bind(3, copy.parent ? std::optional(copy.parent->to_string()) : std::nullopt)
            .bind(4, container.created.time_since_epoch().count())
            .run();
        for (const auto& volume : copy.volumes) {
            if (records_.volumes.find(container.name_space, volume)) {
                records_.volumes.attach(tx_, container.name_space, volume, container.id);
            }
        }
    }

    /// No new directory may get the number of one that is still there.
    void reserve_snapshot_numbers() {
        int64_t highest = 0;
        const auto entries = sys::list_directory_if_exists(paths_.snapshots());
        for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
            highest = std::max(highest, Paths::parse_snapshot_name(entry.name).value_or(0));
        }
        Statement insert(tx_.db(),
                         "INSERT INTO snapshots (number, key, kind, created, labels)"
                         " VALUES (?1, 'reserved', 0, 0, '{}')");
        insert.bind(1, highest + 1).run();
        Statement remove(tx_.db(), "DELETE FROM snapshots WHERE number = ?1");
        remove.bind(1, highest + 1).run();
    }

    const Paths& paths_;
    Time now_;
    Records records_;
    Transaction tx_;
    size_t images_ = 0;
    size_t containers_ = 0;
    size_t volumes_ = 0;
};

}  // namespace

bool has_copies(const Paths& paths) {
    if (sys::lstat_if_exists(paths.image_copies())) {
        return true;
    }
    const auto entries = sys::list_directory_if_exists(paths.container_copies());
    return entries && !entries->empty();
}

void rebuild_database(Database& db, const Paths& paths, Time now) {
    doing("rebuilding the database", [&] { Rebuild(db, paths, now).run(); });
}

}  // namespace nau::storage
