#include "engine/image/fetch_layers.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "engine/engine.h"
#include "engine/store/upkeep.h"
#include "oci/media_type.h"
#include "storage/layers/apply.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

using storage::ApplyResult;
using storage::SnapshotKey;

constexpr size_t kMaxIdMapBytes = size_t{64} << 10U;

/// One layer on its way. Written by its thread until `is_finished`, then by nobody.
struct LayerWork {
    const LayerToFetch* layer = nullptr;
    bool needs_unpacking = false;
    sys::UniqueFd directory;  ///< of the snapshot: where it is unpacked, or has been
    std::optional<SnapshotKey> active_key;
    storage::LayerForm form = storage::LayerForm::overlay_trusted;
    std::optional<ApplyResult> result;
    std::exception_ptr failure;
    bool is_finished = false;
};

/// What the threads share: the list of work, taken bottom up, and who waits for whom.
class FetchSession {
  public:
    FetchSession(const FetchLayersRequest& request,
                 storage::ContentStore& content,
                 std::vector<LayerWork>& work,
                 std::stop_token outer)
        : request_(request),
          content_(content),
          work_(work),
          outer_stop_(outer, [this] { stop_.request_stop(); }) {}

    void run_worker() noexcept;
    /// Waits until the layer is finished; returns false when it failed.
    bool wait_finished(size_t index);
    void stop() noexcept { stop_.request_stop(); }
    /// Why it all ended: the first failure of its own; that a thread was stopped is said only when
    /// nothing else went wrong.
    std::exception_ptr cause();

  private:
    void note_failure(const std::exception_ptr& failure) noexcept;
    void finish(LayerWork& work, std::exception_ptr failure) noexcept;
    void process(LayerWork& work, size_t index);
    void download_only(const LayerWork& work);
    ApplyResult unpack_blob(const LayerWork& work, size_t index);
    ApplyResult unpack_download(const LayerWork& work, size_t index, storage::Ingest ingest);
    void download(const LayerWork& work, storage::Ingest ingest);
    storage::ApplyOptions apply_options(size_t index);
    std::vector<int> wait_lower_dirs(size_t index);
    void report(const LayerWork& work, LayerStage stage, uint64_t done);

    const FetchLayersRequest& request_;
    storage::ContentStore& content_;
    std::vector<LayerWork>& work_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    size_t next_ = 0;
    std::exception_ptr cause_;
};

/// A thread that was asked to stop fails too, and often earlier than the one that asked.
bool is_consequence(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        return error.kind() == ErrorKind::interrupted;
    } catch (...) {
        return false;
    }
}

void FetchSession::report(const LayerWork& work, LayerStage stage, uint64_t done) {
    if (request_.progress != nullptr) {
        const auto& descriptor = work.layer->descriptor;
        request_.progress->layer(descriptor.digest.short_id(), stage, done, descriptor.size_bytes);
    }
}

void FetchSession::note_failure(const std::exception_ptr& failure) noexcept {
    const std::lock_guard lock(mutex_);
    if (!cause_ || (is_consequence(cause_) && !is_consequence(failure))) {
        cause_ = failure;
    }
}

void FetchSession::finish(LayerWork& work, std::exception_ptr failure) noexcept {
    if (failure) {
        note_failure(failure);
    }
    {
        const std::lock_guard lock(mutex_);
        work.failure = failure;
        work.is_finished = true;
    }
    if (failure) {
        stop_.request_stop();
    }
    changed_.notify_all();
}

void FetchSession::run_worker() noexcept {
    while (true) {
        size_t index = 0;
        {
            const std::lock_guard lock(mutex_);
            if (next_ == work_.size()) {
                return;
            }
            index = next_++;
        }
        LayerWork& work = work_[index];
        try {
            process(work, index);
            finish(work, nullptr);
        } catch (...) {
            finish(work, std::current_exception());
        }
    }
}

bool FetchSession::wait_finished(size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return work_[index].is_finished; });
    return work_[index].failure == nullptr;
}

std::exception_ptr FetchSession::cause() {
    const std::lock_guard lock(mutex_);
    return cause_;
}

std::vector<int> FetchSession::wait_lower_dirs(size_t index) {
    std::vector<int> directories;
    for (size_t below = index; below-- > 0;) {
        if (!wait_finished(below)) {
            throw Error(ErrorKind::interrupted, "a layer below could not be unpacked");
        }
        directories.push_back(work_[below].directory.get());
    }
    return directories;
}

/// Whether the user namespace knows one user only, so that nothing can be given to others.
bool has_single_id() {
    const std::string map = sys::read_file("/proc/self/uid_map", kMaxIdMapBytes);
    const auto fields = split(trim(map), ' ');
    return map.find('\n') + 1 >= map.size() && !fields.empty() && fields.back() == "1";
}

storage::ApplyOptions FetchSession::apply_options(size_t index) {
    storage::ApplyOptions options;
    if (index > 0) {
        options.lower_dirs = [this, index] { return wait_lower_dirs(index); };
    }
    options.form = work_[index].form;
    if (options.form == storage::LayerForm::overlay_user) {  // without root, in a user namespace
        options.skip_devices = true;
        options.ownership =
            has_single_id() ? storage::Ownership::of_caller : storage::Ownership::as_in_layer;
    }
    options.stop = stop_.get_token();
    options.abort_source = [this] { stop_.request_stop(); };
    return options;
}

void FetchSession::download(const LayerWork& work, storage::Ingest ingest) {
    if (request_.client == nullptr && !request_.read_blob) {
        throw Error(ErrorKind::not_found, "layer {} is not in the store", ingest.expected().digest)
            .with_hint("pull the image again");
    }
    const auto& descriptor = work.layer->descriptor;
    report(work, LayerStage::downloading, ingest.offset());
    uint64_t done = ingest.offset();
    const auto take = [&](std::span<const std::byte> bytes) {
        ingest.write(bytes);
        done += bytes.size();
        report(work, LayerStage::downloading, done);
    };
    if (done < descriptor.size_bytes && request_.read_blob) {
        request_.read_blob(descriptor, done, take, stop_.get_token());
    } else if (done < descriptor.size_bytes) {
        request_.client->get_blob({.repository = request_.repository,
                                   .digest = descriptor.digest,
                                   .size_bytes = descriptor.size_bytes,
                                   .offset = done,
                                   .urls = descriptor.urls,
                                   .stop = stop_.get_token()},
                                  take);
    }
    std::vector<storage::VerifiedIngest> verified;
    verified.push_back(std::move(ingest).verify());
    content_.publish(std::move(verified));
}

void FetchSession::download_only(const LayerWork& work) {
    if (auto ingest = content_.begin_ingest(work.layer->descriptor, stop_.get_token())) {
        download(work, *std::move(ingest));
    }
}

ApplyResult FetchSession::unpack_blob(const LayerWork& work, size_t index) {
    report(work, LayerStage::extracting, 0);
    const auto& descriptor = work.layer->descriptor;
    const sys::UniqueFd blob = content_.open_blob(descriptor.digest);
    const auto source = [&](std::span<std::byte> buffer) {
        return sys::read_some(blob.get(), reinterpret_cast<char*>(buffer.data()), buffer.size());
    };
    return storage::apply_layer(
        source,
        oci::layer_compression(descriptor.media_type).value_or(oci::Compression::gzip),
        work.directory.get(),
        apply_options(index));
}

ApplyResult FetchSession::unpack_download(const LayerWork& work,
                                          size_t index,
                                          storage::Ingest ingest) {
    auto reader = ingest.reader();
    std::exception_ptr download_failure;
    std::optional<ApplyResult> result;
    {
        std::jthread downloader([&, ingest = std::move(ingest)]() mutable {
            try {
                download(work, std::move(ingest));
                report(work, LayerStage::extracting, work.layer->descriptor.size_bytes);
            } catch (...) {
                download_failure = std::current_exception();
                note_failure(download_failure);
            }
        });
        const auto declared = oci::layer_compression(work.layer->descriptor.media_type);
        try {
            result = storage::apply_layer(
                [&](std::span<std::byte> buffer) { return reader.read(buffer); },
                declared.value_or(oci::Compression::gzip),
                work.directory.get(),
                apply_options(index));
        } catch (...) {
            stop_.request_stop();
            downloader.join();
            // Of the two, the download's failure is the cause when it has one of its own.
            const bool is_download_the_cause =
                download_failure && !is_consequence(download_failure);
            std::rethrow_exception(is_download_the_cause ? download_failure
                                                         : std::current_exception());
        }
    }
    if (download_failure) {
        std::rethrow_exception(download_failure);
    }
    return *std::move(result);
}

void FetchSession::process(LayerWork& work, size_t index) {
    if (stop_.stop_requested()) {
        throw Error(ErrorKind::interrupted, "stopped");
    }
    doing([&] { return fmt::format("layer {}", work.layer->descriptor.digest.short_id()); },
          [&] {
              if (!work.needs_unpacking) {
                  download_only(work);
                  report(work, LayerStage::already_there, work.layer->descriptor.size_bytes);
                  return;
              }
              auto ingest = content_.begin_ingest(work.layer->descriptor, stop_.get_token());
              work.result = ingest ? unpack_download(work, index, *std::move(ingest))
                                   : unpack_blob(work, index);
              if (work.result->diff_id != work.layer->diff_id) {
                  throw Error(ErrorKind::corrupt,
                              "its content is {}, but the image config says {}",
                              work.result->diff_id,
                              work.layer->diff_id)
                      .with_hint("the image is damaged or was tampered with; ask its publisher");
              }
              report(work, LayerStage::done, work.layer->descriptor.size_bytes);
          });
}

/// Before anybody looks whether they are there: the collector may be at work on an image that has
/// just been removed and shares them. It is entirely before this transaction or after it.
void keep_layers(storage::Store& store, const FetchLayersRequest& request) {
    storage::Transaction tx(store.db());
    for (const auto& layer : request.layers) {
        store.records().leases.add_snapshot(tx, request.lease, layer.chain_id);
    }
    tx.commit(storage::Durability::relaxed);
}

/// The directory for layer `index`.
void prepare_target(storage::Store& store,
                    const FetchLayersRequest& request,
                    LayerWork& item,
                    size_t index,
                    const std::optional<oci::ChainId>& parent) {
    const auto key = SnapshotKey::parse(fmt::format("unpack-{}-{}", request.lease, index));
    store.snapshots().prepare(store.db(), key, parent, {.lease = request.lease, .labels = {}});
    item.needs_unpacking = true;
    item.active_key = key;
    const storage::ApplyTarget target = store.snapshots().apply_target(key);
    item.directory = sys::open(target.directory, O_PATH | O_DIRECTORY);
    item.form = target.form;
}

/// Opens what is there and prepares what is not: everything that needs the database beforehand.
std::vector<LayerWork> plan_work(storage::Store& store, const FetchLayersRequest& request) {
    std::vector<LayerWork> work;
    if (request.unpacks) {
        keep_layers(store, request);
    }
    for (const auto& layer : request.layers) {
        LayerWork item;
        item.layer = &layer;
        auto& snapshots = store.snapshots();
        if (!request.unpacks) {
            work.push_back(std::move(item));
            continue;
        }
        if (const auto found = snapshots.find_layer(layer.chain_id)) {
            // Its own directory only: a layer below it may have been lost.
            item.directory = sys::open(*found, O_PATH | O_DIRECTORY);
        } else {
            prepare_target(store, request, item, work.size(), std::nullopt);
        }
        work.push_back(std::move(item));
    }
    return work;
}

void commit_layer(storage::Store& store, LayerWork& work, const LayerToFetch* below) {
    if (!work.active_key) {
        return;
    }
    store.snapshots().commit(
        *work.active_key,
        work.layer->chain_id,
        {.sync = storage::SyncState::unsynced,
         .parent = below != nullptr ? std::optional(below->chain_id) : std::nullopt,
         .size_bytes = work.result->file_bytes,
         .inodes = work.result->inodes,
         .labels = {}});
    work.active_key.reset();
}

bool is_disk_full(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const SysError& error) {
        return error.error() == ENOSPC || error.error() == EDQUOT;
    } catch (...) {
        return false;
    }
}

/// Takes back what was not committed. On a full disk the files go before the row, which could not
/// be written otherwise: nobody refers to them. A failure here must not hide the one that led here;
/// what is left then belongs to a lease without holder, and the collector takes it.
void discard_unfinished(Engine& engine, std::vector<LayerWork>& work, bool is_full) noexcept {
    try {
        storage::Store& store = engine.store_for_writing();
        for (auto& item : work) {
            if (!item.active_key) {
                continue;
            }
            if (is_full) {
                sys::remove_tree(store.snapshots().apply_target(*item.active_key).directory);
            }
            store.snapshots().remove(store.db(), *item.active_key);
        }
        start_upkeep(engine);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("removing unfinished layers: {}, ignoring", error.what());
    }
}

unsigned count_workers(const Engine& engine, const FetchLayersRequest& request) {
    const unsigned configured = request.max_concurrent != 0
                                    ? request.max_concurrent
                                    : engine.options().max_concurrent_downloads;
    const unsigned wanted =
        configured != 0 ? configured : std::clamp(std::thread::hardware_concurrency(), 3U, 6U);
    return static_cast<unsigned>(std::min<size_t>(wanted, request.layers.size()));
}

/// Downloads all and unpacks all, side by side.
bool fetch_side_by_side(Engine& engine, const FetchLayersRequest& request, std::stop_token stop) {
    storage::Store& store = engine.store_for_writing();
    std::vector<LayerWork> work = plan_work(store, request);
    const bool is_complete = std::all_of(work.begin(), work.end(), [&](const LayerWork& item) {
        return !item.needs_unpacking && store.content().has(item.layer->descriptor.digest);
    });
    if (is_complete) {
        return false;
    }
    FetchSession session(request, store.content(), work, stop);
    std::exception_ptr failure;
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < count_workers(engine, request); ++i) {
            workers.emplace_back([&session] { session.run_worker(); });
        }
        try {
            for (size_t i = 0; i < work.size() && session.wait_finished(i); ++i) {
                commit_layer(store, work[i], i == 0 ? nullptr : work[i - 1].layer);
            }
        } catch (...) {
            failure = std::current_exception();
            session.stop();
        }
    }
    if (!failure) {
        failure = session.cause();
    }
    if (failure) {
        discard_unfinished(engine, work, is_disk_full(failure));
        std::rethrow_exception(failure);
    }
    return true;
}

/// Each into a copy of the one below it, from blobs that are there.
bool unpack_in_turn(Engine& engine,
                    const FetchLayersRequest& request,
                    const std::stop_token& stop) {
    storage::Store& store = engine.store_for_writing();
    keep_layers(store, request);
    const LayerToFetch* below = nullptr;
    bool is_any_new = false;
    for (const auto& layer : request.layers) {
        if (!store.snapshots().find_layer(layer.chain_id)) {
            const auto parent = below != nullptr ? std::optional(below->chain_id) : std::nullopt;
            std::vector<LayerWork> work(1);
            work.front().layer = &layer;
            FetchSession session(request, store.content(), work, stop);
            std::exception_ptr failure;
            try {
                prepare_target(store, request, work.front(), 0, parent);
                session.run_worker();
                failure = session.cause();
            } catch (...) {
                failure = std::current_exception();
            }
            if (failure) {
                discard_unfinished(engine, work, is_disk_full(failure));
                std::rethrow_exception(failure);
            }
            commit_layer(store, work.front(), below);
            is_any_new = true;
        }
        below = &layer;
    }
    return is_any_new;
}

}  // namespace

bool fetch_layers(Engine& engine, const FetchLayersRequest& request, std::stop_token stop) {
    if (!request.unpacks || engine.store_for_writing().snapshots().can_rebase()) {
        return fetch_side_by_side(engine, request, stop);
    }
    FetchLayersRequest download = request;
    download.unpacks = false;
    const bool is_any_fetched = fetch_side_by_side(engine, download, stop);
    return unpack_in_turn(engine, request, stop) || is_any_fetched;
}

}  // namespace nau::engine
