#include "engine/container/run_container.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/container/container_log.h"
#include "engine/container/create_container.h"
#include "engine/container/foreground.h"
#include "engine/container/run_report.h"
#include "engine/container/service_start.h"
#include "engine/container/start_container.h"
#include "engine/container/supervision.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/archive_source.h"
#include "engine/image/images.h"
#include "engine/image/listed_image.h"
#include "engine/image/pull_image.h"
#include "engine/network/container_network.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

PullOptions pull_options(const CreateOptions& options) {
    PullOptions pull;
    pull.reference = options.image;
    pull.platform = options.platform;
    pull.policy = options.pull;
    pull.registry = options.registry;
    return pull;
}

/// The image, fetched when it is not here and that is allowed. nullopt: there is none (--rootfs).
std::optional<ResolvedImage> ensure_image(Engine& engine,
                                          const CreateOptions& options,
                                          PullProgress* progress,
                                          std::stop_token stop) {
    if (options.has_rootfs) {
        return std::nullopt;
    }
    if (const auto source = parse_archive_source(options.image)) {
        const auto loaded = load_from_source(engine, *source, options.platform, progress, stop);
        return get_image(engine, loaded.image_id.to_string());
    }
    if (options.pull == PullPolicy::missing || options.pull == PullPolicy::never) {
        if (auto image = find_image(engine, options.image, options.platform)) {
            ensure_unpacked(engine, *image);
            return *std::move(image);
        }
        if (auto image = ensure_listed_image(engine, pull_options(options), progress, stop)) {
            return *std::move(image);
        }
    }
    const PullResult result = pull_image(engine, pull_options(options), progress, stop);
    return get_image(engine, result.reference.to_string(), options.platform);
}

void write_id_file(const std::string& path, const std::string& id) {
    if (path.empty()) {
        return;
    }
    const sys::UniqueFd file = sys::open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    sys::write_all(file.get(), id);
}

void check_id_file(const std::string& path) {
    if (!path.empty() && sys::file_exists(path)) {
        throw Error(ErrorKind::already_exists, "the container id file '{}' exists", path)
            .with_hint("another container may use it; remove the file if none does");
    }
}

/// A container that could not be started is of no use to --rm.
void remove_unstarted(Engine& engine,
                      storage::ContainerLock& lock,
                      const storage::Container& record) noexcept {
    try {
        delete_container(engine, lock, record);
    } catch (const Error& error) {
        NAU_LOG_WARN("removing container {}: {}, ignoring", record.id.short_id(), error.text());
    }
}

/// Why the last start failed stays with the container, as its state shows.
void note_failed_start(Engine& engine, const storage::Container& record, const Error& error) {
    storage::Store& store = engine.store_for_writing();
    storage::ContainerState state = record.state;
    state.error = error.text();
    state.exit_code = exit_code_of_error(error);
    storage::Transaction tx(store.db());
    store.records().containers.set_state(tx, record.id, state);
    tx.commit(storage::Durability::relaxed);
}

/// After the foreground has seen the end: what the monitor would have a process of its own do.
void settle_after_exit(Engine& engine,
                       const storage::Container& record,
                       const storage::ContainerState& state) {
    storage::Store& store = engine.store_for_writing();
    auto lock = storage::ContainerLock::acquire(store.paths(), record.id);
    storage::ContainerSummary summary = record;
    summary.state = state;
    settle_container(engine, lock, summary);
}

ExitStatus run_foreground(Engine& engine,
                          const storage::Container& record,
                          const StartedTask& task,
                          monitor::AttachSession& session,
                          monitor::MonitorClient& client,
                          RunReport* report = nullptr) {
    const monitor::AttachResult result = session.run(client.channel());
    if (report != nullptr) {
        report->note_end(result.exit);
    }
    using End = monitor::AttachResult::End;
    if (result.end == End::exited || result.end == End::monitor_lost) {
        settle_after_exit(engine, record, task.state);
    }
    return to_exit_status(result);
}

}  // namespace

int exit_code_of_error(const std::exception& error) noexcept {
    const auto* start_error = dynamic_cast<const monitor::StartError*>(&error);
    return start_error != nullptr ? start_error->exit_code() : 125;
}

namespace {

/// Nobody would see anything of a frozen process, nor could it end.
void refuse_paused(storage::Store& store,
                   const storage::ContainerId& id,
                   const storage::ContainerState& state,
                   const std::string& name_or_id) {
    if (actual_state(store, id, state).status == storage::ContainerStatus::paused) {
        throw Error(ErrorKind::invalid, "container '{}' is paused", name_or_id)
            .with_hint(fmt::format("'nau unpause {}' lets it go on", name_or_id));
    }
}

/// --requires: those that do not run are started, and what they require before them.
void start_required(Engine& engine, const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        doing([&] { return fmt::format("starting required container {}", id.substr(0, 12)); },
              [&] { (void)start_container(engine, id, std::nullopt); });
    }
}

RunResult run_and_report(Engine& engine,
                         const RunOptions& options,
                         PullProgress* progress,
                         std::stop_token stop,
                         RunReport& report) {
    (void)engine.store_for_writing();  // once, and not for reading first
    check_id_file(options.cid_file);
    check_networks_exist(engine, options.create.network);
    check_log_options(options.create);
    const auto image = ensure_image(engine, options.create, progress, stop);
    if (image) {
        report.note_image(*image);
    }
    monitor::MonitorClient client = spawn_monitor(monitor::MonitorKind::container);
    const CreatedContainer created = create_record(
        engine, options.create, image ? &*image : nullptr, storage::Durability::relaxed);
    const storage::Container& record = created.record;
    report.note_created(record);
    const AttachOptions attach = without_passed_streams(created.config, options.attach);
    start_required(engine, created.config.required_containers);
    RunResult result{.id = record.id.to_string(), .exit = {}};
    storage::Store& store = engine.store_for_writing();
    std::optional<monitor::AttachSession> session;
    std::optional<StartedTask> task;
    {
        auto lock = storage::ContainerLock::acquire(store.paths(), record.id);
        try {
            write_id_file(options.cid_file, result.id);
            if (!options.is_detached) {
                session.emplace(to_attach_options(
                    attach, created.config.has_terminal, /*acknowledges_exit=*/true));
            }
            task = start_task(engine,
                              lock,
                              client,
                              {.record = record,
                               .config = created.config,
                               .attach = options.is_detached ? std::nullopt : std::optional(attach),
                               .preserved_fds = options.preserved_fds,
                               .service = options.service});
        } catch (const Error& error) {
            if (created.config.auto_remove) {
                remove_unstarted(engine, lock, record);
            } else {
                note_failed_start(engine, record, error);
            }
            throw;
        }
    }
    report.note_started();
    if (session) {
        result.exit = run_foreground(engine, record, *task, *session, client, &report);
        if (created.config.removes_image) {
            remove_image_if_unused(engine, record.image_name);
        }
    }
    return result;
}

}  // namespace

RunResult run_container(Engine& engine,
                        const RunOptions& options,
                        PullProgress* progress,
                        std::stop_token stop) {
    RunReport report(options.result_file);
    try {
        RunResult result = run_and_report(engine, options, progress, stop, report);
        report.write();
        return result;
    } catch (const Error& error) {
        report.write_failure(error, exit_code_of_error(error));
        throw;
    }
}

std::string create_container(Engine& engine,
                             const CreateOptions& options,
                             PullProgress* progress,
                             std::stop_token stop) {
    (void)engine.store_for_writing();
    check_networks_exist(engine, options.network);
    check_log_options(options);
    const auto image = ensure_image(engine, options, progress, stop);
    return create_record(engine, options, image ? &*image : nullptr, storage::Durability::durable)
        .record.id.to_string();
}

std::optional<ExitStatus> start_container(Engine& engine,
                                          const std::string& name_or_id,
                                          const std::optional<AttachOptions>& attach,
                                          const ServiceManager& service) {
    storage::Store& store = engine.store_for_writing();
    const auto id = find_container(engine, name_or_id);
    std::optional<monitor::AttachSession> session;
    std::optional<monitor::MonitorClient> client;
    std::optional<StartedTask> task;
    std::optional<storage::Container> record;
    start_required(engine,
                   parse_container_config(get_container(store, id).config).required_containers);
    {
        auto lock = storage::ContainerLock::acquire(store.paths(), id);
        record = get_container(store, id);
        settle_container(engine, lock, *record);
        record = get_container(store, id);
        const ContainerConfig config = parse_container_config(record->config);
        if (find_init(store, record->state) || is_restarting(record->state)) {
            refuse_paused(store, id, record->state, name_or_id);
            ServiceStart(service, config, store.paths().container_run(id))
                .tell_running(record->state.monitor.pid);
            return attach ? std::optional(attach_container(engine, name_or_id, *attach))
                          : std::nullopt;
        }
        client = spawn_monitor(monitor::MonitorKind::container);
        std::optional<AttachOptions> streams;
        if (attach) {
            streams = without_passed_streams(config, *attach);
            session.emplace(to_attach_options(*streams, config.has_terminal, true));
        }
        try {
            task = start_task(
                engine,
                lock,
                *client,
                {.record = *record, .config = config, .attach = streams, .service = service});
        } catch (const Error& error) {
            note_failed_start(engine, *record, error);
            throw;
        }
    }
    if (!session) {
        return std::nullopt;
    }
    return run_foreground(engine, *record, *task, *session, *client);
}

ExitStatus attach_container(Engine& engine,
                            const std::string& name_or_id,
                            const AttachOptions& attach) {
    storage::Store& store = engine.store_for_reading();
    const auto id = find_container(engine, name_or_id);
    const auto container = get_container(store, id);
    refuse_paused(store, id, container.state, name_or_id);
    if (const auto config = parse_container_config(container.config);
        passes_streams_through(config)) {
        throw Error(ErrorKind::unsupported,
                    "container '{}' has the streams of whoever started it (log driver {}), so "
                    "nobody can attach",
                    name_or_id,
                    config.log_driver);
    }
    auto attachment = monitor::connect(store.paths().container_run(id),
                                       {.output = attach.has_stdout,
                                        .error_output = attach.has_stderr,
                                        .input = attach.has_stdin,
                                        .exit = true});
    if (!attachment) {
        throw Error(ErrorKind::invalid, "container '{}' is not running", name_or_id)
            .with_hint("'nau start -a' starts it and attaches");
    }
    monitor::AttachSession session(
        to_attach_options(attach, attachment->accepted.terminal, /*acknowledges_exit=*/false));
    return to_exit_status(session.run(attachment->channel.get()));
}

}  // namespace nau::engine
