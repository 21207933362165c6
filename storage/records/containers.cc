#include "storage/records/containers.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "storage/paths.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

struct StatusName {
    ContainerStatus status;
    std::string_view name;
};

constexpr std::array kStatusNames = {StatusName{ContainerStatus::created, "created"},
                                     StatusName{ContainerStatus::running, "running"},
                                     StatusName{ContainerStatus::paused, "paused"},
                                     StatusName{ContainerStatus::stopping, "stopping"},
                                     StatusName{ContainerStatus::exited, "exited"},
                                     StatusName{ContainerStatus::dead, "dead"},
                                     StatusName{ContainerStatus::restarting, "restarting"}};

#define NAU_STATE_COLUMNS                                                      \
    "status, pid, pid_start, monitor_pid, monitor_start, boot_id, started_at," \
    " finished_at, exit_code, exit_signal, oom_killed, error, restart_count"
constexpr int kStateColumns = 13;
#define NAU_SUMMARY_COLUMNS                                                                 \
    NAU_STATE_COLUMNS                                                                       \
    ", id, namespace, name, image_name, image_id, command, created, auto_remove, networks," \
    " mounts, labels"

sys::ProcessId read_process(const Statement& row, int column) {
    return {.pid = static_cast<pid_t>(row.integer(column)),
            .start_time = static_cast<uint64_t>(row.integer(column + 1))};
}

ContainerState read_state(const Statement& row) {
    ContainerState state;
    state.status = parse_container_status(row.text(0));
    state.init = read_process(row, 1);
    state.monitor = read_process(row, 3);
    state.boot_id = row.string(5);
    state.started_at = to_time(row.optional_integer(6));
    state.finished_at = to_time(row.optional_integer(7));
    if (!row.is_null(8)) {
        state.exit_code = static_cast<int>(row.integer(8));
    }
    state.exit_signal = static_cast<int>(row.integer(9));
    state.oom_killed = row.boolean(10);
    state.error = row.string(11);
    state.restart_count = row.integer(12);
    return state;
}

ContainerSummary read_summary(const Statement& row) {
    ContainerSummary summary{.id = ContainerId::parse(row.text(kStateColumns))};
    summary.name_space = row.string(kStateColumns + 1);
    summary.name = row.string(kStateColumns + 2);
    summary.image_name = row.string(kStateColumns + 3);
    summary.image_id = digest_column<oci::Digest>(row, kStateColumns + 4);
    summary.command = decode_list(row.text(kStateColumns + 5));
    summary.created = to_time(row.integer(kStateColumns + 6));
    summary.auto_remove = row.boolean(kStateColumns + 7);
    summary.networks = decode_list(row.text(kStateColumns + 8));
    summary.mounts = decode_list(row.text(kStateColumns + 9));
    summary.labels = decode_labels(row.text(kStateColumns + 10));
    summary.state = read_state(row);
    return summary;
}

std::vector<ContainerSummary> read_summaries(Statement& select) {
    constexpr size_t kUsualCount = 256;
    std::vector<ContainerSummary> summaries;
    summaries.reserve(kUsualCount);
    while (select.step()) {
        summaries.push_back(read_summary(select));
    }
    return summaries;
}

/// Parameters `first` … `first` + 12, in the order of NAU_STATE_COLUMNS.
void bind_state(Statement& statement, int first, const ContainerState& state) {
    statement.bind(first, to_string(state.status))
        .bind(first + 1, int64_t{state.init.pid})
        .bind(first + 2, static_cast<int64_t>(state.init.start_time))
        .bind(first + 3, int64_t{state.monitor.pid})
        .bind(first + 4, static_cast<int64_t>(state.monitor.start_time))
        .bind(first + 5, state.boot_id)
        .bind(first + 6, to_column(state.started_at))
        .bind(first + 7, to_column(state.finished_at))
        .bind(first + 8, state.exit_code)
        .bind(first + 9, state.exit_signal)
        .bind(first + 10, state.oom_killed)
        .bind(first + 11, state.error)
        .bind(first + 12, state.restart_count);
}

void require_plain_name(std::string_view name) {
    if (!is_plain_name(name)) {
        throw Error(ErrorKind::invalid, "invalid container name '{}'", name)
            .with_hint("letters, digits, '_', '.' and '-', beginning with a letter or digit");
    }
}

[[noreturn]] void fail_name_taken(std::string_view name, const ContainerId& holder) {
    throw Error(
        ErrorKind::already_exists, "the name '{}' is used by container {}", name, holder.short_id())
        .with_hint("remove or rename that container, or use another name");
}

void insert_row(Transaction& tx, const Container& container) {
    Statement insert(
        tx.db(),
        "INSERT INTO containers (" NAU_SUMMARY_COLUMNS
        ", manifest_digest, snapshot_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)");
    bind_state(insert, 1, container.state);
    insert.bind(14, container.id.to_string())
        .bind(15, container.name_space)
        .bind(16, container.name)
        .bind(17, container.image_name)
        .bind(18, to_column(container.image_id))
        .bind(19, encode_list(container.command))
        .bind(20, to_column(container.created))
        .bind(21, container.auto_remove)
        .bind(22, encode_list(container.networks))
        .bind(23, encode_list(container.mounts))
        .bind(24, encode_labels(container.labels))
        .bind(25, to_column(container.manifest_digest))
        .bind(26, container.snapshot_key)
        .run();
}

}  // namespace

std::string_view to_string(ContainerStatus status) noexcept {
    for (const auto& entry : kStatusNames) {
        if (entry.status == status) {
            return entry.name;
        }
    }
    return "dead";
}

ContainerStatus parse_container_status(std::string_view word) noexcept {
    for (const auto& entry : kStatusNames) {
        if (entry.name == word) {
            return entry.status;
        }
    }
    return ContainerStatus::dead;
}

void Containers::create(Transaction& tx, const Container& container) {
    require_plain_name(container.name);
    ensure_namespace(tx, container.name_space, container.created);
    if (const auto holder = find_by_name(container.name_space, container.name)) {
        fail_name_taken(container.name, *holder);
    }
    insert_row(tx, container);
    Statement documents(tx.db(), "INSERT INTO container_documents VALUES (?1, ?2, ?3)");
    documents.bind(1, tx.db().last_insert_id())
        .bind(2, container.config)
        .bind(3, container.spec)
        .run();
}

std::optional<Container> Containers::find(const ContainerId& id) {
    Statement select(db_,
                     "SELECT " NAU_SUMMARY_COLUMNS
                     ", manifest_digest, snapshot_key, d.config, d.spec FROM containers c"
                     " JOIN container_documents d ON d.container = c.seq WHERE id = ?1");
    if (!select.bind(1, id.to_string()).step()) {
        return std::nullopt;
    }
    constexpr int kNext = kStateColumns + 11;
    Container container{read_summary(select)};
    container.manifest_digest = digest_column<oci::Digest>(select, kNext);
    container.snapshot_key = select.string(kNext + 1);
    container.config = select.string(kNext + 2);
    container.spec = select.string(kNext + 3);
    return container;
}

Container Containers::get(const ContainerId& id) {
    auto container = find(id);
    if (!container) {
        throw Error(ErrorKind::not_found, "no container {}", id.short_id());
    }
    return *std::move(container);
}

std::optional<ContainerSummary> Containers::find_summary(const ContainerId& id) {
    Statement select(db_, "SELECT " NAU_SUMMARY_COLUMNS " FROM containers WHERE id = ?1");
    select.bind(1, id.to_string());
    return select.step() ? std::optional(read_summary(select)) : std::nullopt;
}

std::optional<ContainerState> Containers::find_state(const ContainerId& id) {
    Statement select(db_, "SELECT " NAU_STATE_COLUMNS " FROM containers WHERE id = ?1");
    select.bind(1, id.to_string());
    return select.step() ? std::optional(read_state(select)) : std::nullopt;
}

std::optional<ContainerId> Containers::find_by_name(std::string_view name_space,
                                                    std::string_view name) {
    Statement select(db_, "SELECT id FROM containers WHERE namespace = ?1 AND name = ?2");
    select.bind(1, name_space).bind(2, name);
    return select.step() ? std::optional(ContainerId::parse(select.text(0))) : std::nullopt;
}

std::optional<ContainerId> Containers::resolve(std::string_view name_space,
                                               std::string_view name_or_id) {
    if (const auto id = ContainerId::try_parse(name_or_id)) {
        const auto summary = find_summary(*id);
        if (summary && summary->name_space == name_space) {
            return id;
        }
    }
    if (const auto id = find_by_name(name_space, name_or_id)) {
        return id;
    }
    if (name_or_id.empty() || name_or_id.size() >= ContainerId::kLength ||
        name_or_id.find_first_not_of("0123456789abcdef") != name_or_id.npos) {
        return std::nullopt;
    }
    // 'g' is past every digit. One more than is shown, to say that there are more.
    constexpr size_t kShown = 5;
    Statement select(db_,
                     // "+namespace": by the index of ids; that of names would be read as a whole.
                     "SELECT id, name FROM containers WHERE +namespace = ?1 AND id >= ?2"
                     " AND id < ?3 ORDER BY id LIMIT ?4");
    select.bind(1, name_space)
        .bind(2, name_or_id)
        .bind(3, std::string(name_or_id) + "g")
        .bind(4, static_cast<int64_t>(kShown + 1));
    std::vector<std::string> candidates;
    std::optional<ContainerId> found;
    while (select.step()) {
        found = ContainerId::parse(select.text(0));
        candidates.push_back(fmt::format("{} ({})", found->short_id(), select.text(1)));
    }
    if (candidates.size() > 1) {
        if (candidates.size() > kShown) {
            candidates.back() = "…";
        }
        throw Error(ErrorKind::invalid,
                    "container id '{}' is ambiguous: {}",
                    name_or_id,
                    fmt::join(candidates, ", "))
            .with_hint("give more digits");
    }
    return found;
}

std::optional<ContainerId> Containers::latest(std::string_view name_space) {
    Statement select(db_,
                     "SELECT id FROM containers WHERE namespace = ?1 ORDER BY seq DESC LIMIT 1");
    select.bind(1, name_space);
    return select.step() ? std::optional(ContainerId::parse(select.text(0))) : std::nullopt;
}

std::vector<ContainerSummary> Containers::list(std::string_view name_space) {
    // "+namespace": in the order of the table; the index would have to be sorted.
    Statement select(db_,
                     "SELECT " NAU_SUMMARY_COLUMNS
                     " FROM containers WHERE +namespace = ?1 ORDER BY seq DESC");
    select.bind(1, name_space);
    return read_summaries(select);
}

std::vector<ContainerSummary> Containers::list_live() {
    Statement select(db_,
                     "SELECT " NAU_SUMMARY_COLUMNS
                     " FROM containers WHERE status IN ('running', 'paused', 'stopping')"
                     " ORDER BY seq DESC");
    return read_summaries(select);
}

std::vector<ContainerSummary> Containers::list_of_image(std::string_view name_space,
                                                        const oci::Digest& image_id) {
    Statement select(db_,
                     "SELECT " NAU_SUMMARY_COLUMNS
                     " FROM containers WHERE +namespace = ?1 AND image_id = ?2 ORDER BY seq DESC");
    select.bind(1, name_space).bind(2, image_id.to_string());
    return read_summaries(select);
}

std::unordered_map<std::string, uint64_t> Containers::count_by_image(std::string_view name_space) {
    Statement select(db_,
                     "SELECT image_id, count(*) FROM containers"
                     " WHERE +namespace = ?1 AND image_id IS NOT NULL GROUP BY image_id");
    select.bind(1, name_space);
    std::unordered_map<std::string, uint64_t> counts;
    while (select.step()) {
        counts.emplace(select.string(0), static_cast<uint64_t>(select.integer(1)));
    }
    return counts;
}

bool Containers::set_state(Transaction& tx, const ContainerId& id, const ContainerState& state) {
    Statement update(tx.db(),
                     "UPDATE containers SET (" NAU_STATE_COLUMNS
                     ") = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                     " WHERE id = ?1");
    update.bind(1, id.to_string());
    bind_state(update, 2, state);
    update.run();
    return tx.db().changes() > 0;
}

bool Containers::rename(Transaction& tx, const ContainerId& id, std::string_view name) {
    require_plain_name(name);
    const auto summary = find_summary(id);
    if (!summary) {
        return false;
    }
    if (const auto holder = find_by_name(summary->name_space, name); holder && *holder != id) {
        fail_name_taken(name, *holder);
    }
    Statement update(tx.db(), "UPDATE containers SET name = ?2 WHERE id = ?1");
    update.bind(1, id.to_string()).bind(2, name).run();
    return true;
}

bool Containers::set_config(Transaction& tx, const ContainerId& id, std::string_view config) {
    Statement update(tx.db(),
                     "UPDATE container_documents SET config = ?2"
                     " WHERE container = (SELECT seq FROM containers WHERE id = ?1)");
    update.bind(1, id.to_string()).bind(2, config).run();
    return tx.db().changes() > 0;
}

bool Containers::set_spec(Transaction& tx, const ContainerId& id, std::string_view spec) {
    Statement update(tx.db(),
                     "UPDATE container_documents SET spec = ?2"
                     " WHERE container = (SELECT seq FROM containers WHERE id = ?1)");
    update.bind(1, id.to_string()).bind(2, spec).run();
    return tx.db().changes() > 0;
}

bool Containers::set_networks(Transaction& tx,
                              const ContainerId& id,
                              const std::vector<std::string>& networks) {
    Statement update(tx.db(), "UPDATE containers SET networks = ?2 WHERE id = ?1");
    update.bind(1, id.to_string()).bind(2, encode_list(networks)).run();
    return tx.db().changes() > 0;
}

bool Containers::remove(Transaction& tx, const ContainerId& id) {
    Statement remove(tx.db(), "DELETE FROM containers WHERE id = ?1");
    remove.bind(1, id.to_string()).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
