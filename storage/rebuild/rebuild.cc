#include "storage/rebuild/rebuild.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/rebuild/copies.h"
#include "storage/records/records.h"
#include "storage/snapshots/rows.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr size_t kAnonymousNameLength = 64;

class Rebuild {
  public:
    Rebuild(Database& db, Database* old, const Paths& paths, std::string_view boot_id, Time now)
        : paths_(paths), boot_id_(boot_id), now_(now), records_(db), tx_(db) {
        if (old != nullptr) {
            old_.emplace(*old);
        }
    }

    Rebuilt run() {
        restore_images();
        restore_volumes();
        restore_layers();
        restore_containers();
        restore_networks();
        reserve_snapshot_numbers();
        NAU_FAIL_POINT("rebuild.before_commit");
        tx_.commit(Durability::durable);
        return rebuilt_;
    }

  private:
    /// What the old database says, if it can; what is damaged says nothing.
    template <typename Ask>
    auto ask_old(Ask ask) -> std::invoke_result_t<Ask, Records&> {
        try {
            if (old_) {
                return ask(*old_);
            }
        } catch (const std::exception& error) {
            NAU_LOG_DEBUG("{}, ignoring", error.what());
        }
        return {};
    }

    void restore_images() {
        for (const auto& image : read_image_copies(paths_)) {
            records_.images.put(tx_, image);
            ++rebuilt_.images;
        }
    }

    /// Their data is what counts; whether they had a name of their own shows in its form.
    void restore_volumes() {
        for (const auto& name_space : names_in(paths_.volumes())) {
            for (const auto& name : names_in(paths_.volumes() / name_space)) {
                const bool is_anonymous = name.size() == kAnonymousNameLength &&
                                          name.find_first_not_of("0123456789abcdef") == name.npos;
                const auto known =
                    ask_old([&](Records& old) { return old.volumes.find(name_space, name); });
                records_.volumes.create(tx_,
                                        known.value_or(Volume{.name_space = name_space,
                                                              .name = name,
                                                              .labels = {},
                                                              .options = {},
                                                              .created = now_,
                                                              .is_anonymous = is_anonymous,
                                                              .is_used = true}));
                ++rebuilt_.volumes;
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
            ++rebuilt_.containers;
        }
    }

    /// Whether it runs says the run directory.
    ContainerState state_of(const ContainerId& id) {
        auto known = ask_old([&](Records& old) { return old.containers.find_state(id); });
        if (known && known->status == ContainerStatus::exited) {
            return *std::move(known);
        }
        if (known && known->status == ContainerStatus::created && !has_run(id)) {
            return *std::move(known);
        }
        return {.status = ContainerStatus::exited, .error = "its record was lost and rebuilt"};
    }

    /// The copy has the one of its creation.
    std::string name_of(const Container& container) {
        const auto known =
            ask_old([&](Records& old) { return old.containers.find_summary(container.id); });
        return known && is_plain_name(known->name) ? known->name : container.name;
    }

    bool has_run(const ContainerId& id) const {
        return sys::lstat_if_exists(paths_.container_run(id)) ||
               sys::lstat_if_exists(paths_.container_last_end(id)) ||
               sys::lstat_if_exists(paths_.container_log(id));
    }

    /// In the same boot their directories are what they were, running containers stand on them, and
    /// they are marked so that they get to the disk.
    void restore_layers() {
        for (const auto& layer : read_layer_copies(paths_, boot_id_)) {
            if (!sys::lstat_if_exists(paths_.snapshot_fs(layer.number))) {
                continue;
            }
            SnapshotRows(tx_.db()).restore(tx_, layer, boot_id_);
        }
    }

    void restore_networks() {
        for (const auto& network : ask_old([](Records& old) { return old.networks.list_all(); })) {
            const auto addresses =
                ask_old([&](Records& old) { return old.networks.addresses(network.id); });
            try {
                restore(network, addresses);
            } catch (const Error& error) {
                NAU_LOG_WARN("network {} cannot be recovered: {}", network.name, error.text());
            }
        }
    }

    void restore(const Network& network, const std::vector<NetworkAddress>& addresses) {
        records_.namespaces.ensure(tx_, network.name_space, now_);
        records_.networks.create(tx_, network);
        ++rebuilt_.networks;
        for (const auto& address : addresses) {
            if (records_.containers.find_state(address.container)) {
                records_.networks.take_address(tx_, network.id, address);
            }
        }
    }

    void restore(ContainerCopy& copy) {
        Container& container = copy.container;
        container.state = state_of(container.id);
        container.name = name_of(container);
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
    std::string boot_id_;
    Time now_;
    std::optional<Records> old_;
    Records records_;
    Transaction tx_;
    Rebuilt rebuilt_;
};

}  // namespace

bool has_copies(const Paths& paths) {
    if (sys::lstat_if_exists(paths.image_copies())) {
        return true;
    }
    const auto entries = sys::list_directory_if_exists(paths.container_copies());
    return entries && !entries->empty();
}

std::string to_text(const Rebuilt& rebuilt) {
    return fmt::format("{} images, {} containers, {} volumes and {} networks",
                       rebuilt.images,
                       rebuilt.containers,
                       rebuilt.volumes,
                       rebuilt.networks);
}

Rebuilt rebuild_database(
    Database& db, Database* old, const Paths& paths, std::string_view boot_id, Time now) {
    return doing("rebuilding the database",
                 [&] { return Rebuild(db, old, paths, boot_id, now).run(); });
}

}  // namespace nau::storage
