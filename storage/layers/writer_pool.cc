#include "storage/layers/writer_pool.h"

#include <algorithm>
#include <utility>

namespace nau::storage {

namespace {

constexpr size_t kBatchJobs = 32;
constexpr uint64_t kBatchBytes = uint64_t{256} << 10;
/// Waiting at one writer before another one is asked, or started.
constexpr size_t kBusyLoad = 2;
/// Bounds the memory of jobs that hold no content.
constexpr size_t kMaxLoad = 16;

}  // namespace

WriterPool::WriterPool(Failure& failure, const LeafSettings& settings, unsigned max_threads)
    : failure_(failure), settings_(settings), max_threads_(max_threads), inline_writer_(settings) {}

WriterPool::~WriterPool() {
    for (const auto& worker : workers_) {
        worker->thread.request_stop();
    }
}

void WriterPool::submit(LeafJob job) {
    if (max_threads_ == 0) {
        inline_writer_.run(std::move(job));
        return;
    }
    for (const auto& piece : job.pieces) {
        batch_bytes_ += piece.bytes.size();
    }
    batch_.push_back(std::move(job));
    if (batch_.size() >= kBatchJobs || batch_bytes_ >= kBatchBytes) {
        flush();
    }
}

void WriterPool::flush() {
    if (batch_.empty()) {
        return;
    }
    Worker& worker = choose();
    last_ = &worker;
    last_directory_ = batch_.back().directory.get();
    continues_file_ = !batch_.back().is_last;
    {
        std::unique_lock lock(mutex_);
        const auto stop = failure_.stop_token();
        if (!progress_.wait(lock, stop, [&] { return worker.load < kMaxLoad; })) {
            throw Stopped();
        }
        worker.queue.push_back(std::exchange(batch_, {}));
        ++worker.load;
    }
    worker.changed.notify_one();
    batch_bytes_ = 0;
}

WriterPool::Worker& WriterPool::choose() {
    if (continues_file_) {
        return *last_;
    }
    const bool is_same_directory = batch_.front().directory.get() == last_directory_;
    if (last_ != nullptr && last_->load <= (is_same_directory ? kBusyLoad : 0)) {
        return *last_;
    }
    const auto least =
        std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
            return a->load < b->load;
        });
    if (least == workers_.end() ||
        ((*least)->load >= kBusyLoad && workers_.size() < max_threads_)) {
        return start_worker();
    }
    return **least;
}

WriterPool::Worker& WriterPool::start_worker() {
    workers_.push_back(std::make_unique<Worker>(settings_));
    Worker& worker = *workers_.back();
    worker.thread = std::jthread([this, &worker](const std::stop_token& ended) {
        run_stage(failure_, [&] { work(worker, ended); });
    });
    return worker;
}

void WriterPool::work(Worker& worker, const std::stop_token& ended) {
    worker.writer.take_own_umask();
    for (;;) {
        Batch batch;
        {
            std::unique_lock lock(mutex_);
            if (!worker.changed.wait(lock, ended, [&] { return !worker.queue.empty(); })) {
                throw Stopped();
            }
            batch = std::move(worker.queue.front());
            worker.queue.pop_front();
        }
        for (auto& job : batch) {
            if (failure_.has_happened()) {
                throw Stopped();
            }
            worker.writer.run(std::move(job));
        }
        batch.clear();
        {
            const std::lock_guard lock(mutex_);
            --worker.load;
        }
        progress_.notify_all();
    }
}

void WriterPool::drain() {
    flush();
    std::unique_lock lock(mutex_);
    const auto is_idle = [&] {
        return std::all_of(
            workers_.begin(), workers_.end(), [](const auto& worker) { return worker->load == 0; });
    };
    if (!progress_.wait(lock, failure_.stop_token(), is_idle) || failure_.has_happened()) {
        throw Stopped();
    }
}

uint64_t WriterPool::file_bytes() const {
    uint64_t sum = inline_writer_.file_bytes();
    for (const auto& worker : workers_) {
        sum += worker->writer.file_bytes();
    }
    return sum;
}

uint64_t WriterPool::made() const {
    uint64_t sum = inline_writer_.made();
    for (const auto& worker : workers_) {
        sum += worker->writer.made();
    }
    return sum;
}

}  // namespace nau::storage
