#include "storage/records/exec_sessions.h"

#include "base/error.h"
#include "storage/records/columns.h"

namespace nau::storage {

namespace {

#define NAU_EXEC_COLUMNS                                                                \
    "e.id, c.id, e.created, e.config, e.is_running, e.pid, e.pid_start, e.monitor_pid," \
    " e.monitor_start, e.boot_id, e.started_at, e.finished_at, e.exit_code"             \
    " FROM exec_sessions e JOIN containers c ON c.seq = e.container "

ExecSession read_row(const Statement& row) {
    ExecSession session{.id = ContainerId::parse(row.text(0)),
                        .container_id = ContainerId::parse(row.text(1))};
    session.created = to_time(row.integer(2));
    session.config = row.string(3);
    session.is_running = row.boolean(4);
    session.process = {.pid = static_cast<pid_t>(row.integer(5)),
                       .start_time = static_cast<uint64_t>(row.integer(6))};
    session.monitor = {.pid = static_cast<pid_t>(row.integer(7)),
                       .start_time = static_cast<uint64_t>(row.integer(8))};
    session.boot_id = row.string(9);
    session.started_at = to_time(row.optional_integer(10));
    session.finished_at = to_time(row.optional_integer(11));
    if (!row.is_null(12)) {
        session.exit_code = static_cast<int>(row.integer(12));
    }
    return session;
}

/// Parameters 2 … 11, in the order of the columns from `config` on.
void bind_session(Statement& statement, const ExecSession& session) {
    statement.bind(2, session.config)
        .bind(3, session.is_running)
        .bind(4, int64_t{session.process.pid})
        .bind(5, static_cast<int64_t>(session.process.start_time))
        .bind(6, int64_t{session.monitor.pid})
        .bind(7, static_cast<int64_t>(session.monitor.start_time))
        .bind(8, session.boot_id)
        .bind(9, to_column(session.started_at))
        .bind(10, to_column(session.finished_at))
        .bind(11, session.exit_code);
}

void forget_oldest(Transaction& tx, const ContainerId& container_id) {
    Statement remove(tx.db(),
                     "DELETE FROM exec_sessions WHERE seq IN (SELECT seq FROM exec_sessions"
                     " WHERE container = (SELECT seq FROM containers WHERE id = ?1)"
                     " AND is_running = 0 ORDER BY seq DESC LIMIT -1 OFFSET ?2)");
    remove.bind(1, container_id.to_string()).bind(2, ExecSessions::kKeptEnded).run();
}

}  // namespace

void ExecSessions::create(Transaction& tx, const ExecSession& session) {
    Statement insert(
        tx.db(),
        "INSERT INTO exec_sessions (id, container, created, config, is_running, pid, pid_start,"
        " monitor_pid, monitor_start, boot_id, started_at, finished_at, exit_code)"
        " SELECT ?1, seq, ?12, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
        " FROM containers WHERE id = ?13");
    insert.bind(1, session.id.to_string());
    bind_session(insert, session);
    insert.bind(12, to_column(session.created)).bind(13, session.container_id.to_string()).run();
    if (tx.db().changes() == 0) {
        throw Error(ErrorKind::not_found, "no container {}", session.container_id.short_id());
    }
    forget_oldest(tx, session.container_id);
}

bool ExecSessions::update(Transaction& tx, const ExecSession& session) {
    Statement update(
        tx.db(),
        "UPDATE exec_sessions SET (config, is_running, pid, pid_start, monitor_pid, monitor_start,"
        " boot_id, started_at, finished_at, exit_code) = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " WHERE id = ?1");
    update.bind(1, session.id.to_string());
    bind_session(update, session);
    update.run();
    return tx.db().changes() > 0;
}

std::optional<ExecSession> ExecSessions::find(const ContainerId& id) {
    Statement select(db_, "SELECT " NAU_EXEC_COLUMNS "WHERE e.id = ?1");
    select.bind(1, id.to_string());
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

std::vector<ExecSession> ExecSessions::list(const ContainerId& container_id) {
    Statement select(db_, "SELECT " NAU_EXEC_COLUMNS "WHERE c.id = ?1 ORDER BY e.seq");
    select.bind(1, container_id.to_string());
    std::vector<ExecSession> sessions;
    while (select.step()) {
        sessions.push_back(read_row(select));
    }
    return sessions;
}

bool ExecSessions::remove(Transaction& tx, const ContainerId& id) {
    Statement remove(tx.db(), "DELETE FROM exec_sessions WHERE id = ?1");
    remove.bind(1, id.to_string()).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
