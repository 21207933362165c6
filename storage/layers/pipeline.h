#pragma once

// The joints between the threads of one unpacking: a failure that stops them all, buffers that are
// used again and again, and the queue from the inflating thread to one of its readers.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "oci/layer/tar_reader.h"

namespace nau::storage {

/// The first failure of any thread stops all the others. Every wait in the pipeline ends when
/// stop_token() is asked to stop.
class Failure {
  public:
    /// `on_first` is called once, by the thread that fails first.
    explicit Failure(std::function<void()> on_first) : on_first_(std::move(on_first)) {}

    /// Keeps the exception, if it is the first.
    void set(std::exception_ptr exception) noexcept;
    std::stop_token stop_token() const noexcept { return stop_.get_token(); }
    bool has_happened() const noexcept { return stop_.stop_requested(); }
    void rethrow_if_any();

  private:
    std::function<void()> on_first_;
    std::mutex mutex_;
    std::exception_ptr exception_;
    std::stop_source stop_;
};

/// What unwinds a thread that was stopped because of another one's failure; never the failure
/// itself.
struct Stopped {};

/// Runs a thread's work; what it throws becomes the failure.
template <typename Work>
void run_stage(Failure& failure, Work&& work) noexcept {
    try {
        work();
    } catch (const Stopped&) {
    } catch (...) {
        failure.set(std::current_exception());
    }
}

/// A limited number of buffers of one size. A fresh page costs a fault, a used one does not.
class ChunkPool {
  public:
    ChunkPool(size_t chunk_size, size_t max_chunks);

    struct Buffer {
        std::span<std::byte> bytes;
        std::shared_ptr<const void> owner;  ///< returns it to the pool
    };
    /// Waits for one that nobody holds any more. @throws Stopped
    Buffer take(const std::stop_token& stop);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Chunks in order, from one thread to one other. As long as the pool, hence never full.
class ChunkQueue {
  public:
    /// An empty chunk says that no more will come.
    void push(oci::Chunk chunk);
    /// @throws Stopped
    oci::Chunk pop(const std::stop_token& stop);
    bool is_empty();

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<oci::Chunk> chunks_;
};

}  // namespace nau::storage
