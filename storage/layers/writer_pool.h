#pragma once

// Hands leaf jobs to threads that run them, in any order and at the same time. Jobs that depend on
// each other are kept apart by drain().
//
//   submit ─▶ batch ─▶ queue of one writer ─▶ LeafWriter
//
// Waking a thread costs about as much as making a file, so jobs travel in batches. Batches of one
// directory go to one writer as long as it keeps up, because two would wait for each other's lock
// on the directory. Threads are started one after the other, when those that run fall behind:
// ordinary layers are served by one or two, many small files by all.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "storage/layers/leaf_writer.h"
#include "storage/layers/pipeline.h"

namespace nau::storage {

class WriterPool {
  public:
    /// @param max_threads 0: submit() runs the jobs itself
    WriterPool(Failure& failure, const LeafSettings& settings, unsigned max_threads);
    ~WriterPool();
    WriterPool(const WriterPool&) = delete;
    WriterPool& operator=(const WriterPool&) = delete;

    /// Parts of a large file must follow each other. @throws Stopped
    void submit(LeafJob job);
    /// Hands over what has been collected: before waiting for anything that a job may hold.
    void flush();
    /// Returns when all that was submitted has been done. @throws Stopped
    void drain();

    /// Sums over all writers. @pre drained
    uint64_t file_bytes() const;
    uint64_t made() const;

  private:
    using Batch = std::vector<LeafJob>;

    struct Worker {
        explicit Worker(const LeafSettings& settings) : writer(settings) {}
        LeafWriter writer;
        std::deque<Batch> queue;       ///< under mutex_
        std::atomic<size_t> load = 0;  ///< batches waiting or being run
        std::condition_variable_any changed;
        std::jthread thread;
    };

    Worker& choose();
    Worker& start_worker();
    void work(Worker& worker, const std::stop_token& ended);

    Failure& failure_;
    LeafSettings settings_;
    unsigned max_threads_;
    std::mutex mutex_;
    std::condition_variable_any progress_;
    std::vector<std::unique_ptr<Worker>> workers_;
    LeafWriter inline_writer_;
    Batch batch_;
    uint64_t batch_bytes_ = 0;
    Worker* last_ = nullptr;
    const OpenDirectory* last_directory_ = nullptr;
    bool continues_file_ = false;
};

}  // namespace nau::storage
