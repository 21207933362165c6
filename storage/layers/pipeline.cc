#include "storage/layers/pipeline.h"

#include <utility>

namespace nau::storage {

void Failure::set(std::exception_ptr exception) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (exception_) {
            return;
        }
        exception_ = std::move(exception);
    }
    stop_.request_stop();
    if (on_first_) {
        on_first_();
    }
}

void Failure::rethrow_if_any() {
    const std::lock_guard lock(mutex_);
    if (exception_) {
        std::rethrow_exception(exception_);
    }
}

struct ChunkPool::State {
    explicit State(size_t size) : chunk_size(size) {}

    const size_t chunk_size;
    std::mutex mutex;
    std::condition_variable_any returned;
    std::vector<std::unique_ptr<std::byte[]>> idle;
    size_t may_be_made = 0;

    void give_back(std::unique_ptr<std::byte[]> bytes) noexcept {
        {
            const std::lock_guard lock(mutex);
            idle.push_back(std::move(bytes));  // reserved
        }
        returned.notify_one();
    }
};

ChunkPool::ChunkPool(size_t chunk_size, size_t max_chunks)
    : state_(std::make_shared<State>(chunk_size)) {
    state_->may_be_made = max_chunks;
    state_->idle.reserve(max_chunks);
}

ChunkPool::Buffer ChunkPool::take(const std::stop_token& stop) {
    std::unique_ptr<std::byte[]> bytes;
    {
        std::unique_lock lock(state_->mutex);
        const auto is_ready = [&] { return !state_->idle.empty() || state_->may_be_made > 0; };
        if (!state_->returned.wait(lock, stop, is_ready) || stop.stop_requested()) {
            throw Stopped();
        }
        if (state_->idle.empty()) {
            --state_->may_be_made;
        } else {
            // The one used last is the warmest.
            bytes = std::move(state_->idle.back());
            state_->idle.pop_back();
        }
    }
    if (bytes == nullptr) {
        bytes.reset(new std::byte[state_->chunk_size]);  // not zeroed
    }
    std::byte* const raw = bytes.get();
    std::shared_ptr<const void> owner(
        raw, [state = state_, holder = bytes.release()](const void*) noexcept {
            state->give_back(std::unique_ptr<std::byte[]>(holder));
        });
    return {.bytes = {raw, state_->chunk_size}, .owner = std::move(owner)};
}

void ChunkQueue::push(oci::Chunk chunk) {
    {
        const std::lock_guard lock(mutex_);
        chunks_.push_back(std::move(chunk));
    }
    changed_.notify_one();
}

oci::Chunk ChunkQueue::pop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !chunks_.empty(); }) || stop.stop_requested()) {
        throw Stopped();
    }
    oci::Chunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    return chunk;
}

bool ChunkQueue::is_empty() {
    const std::lock_guard lock(mutex_);
    return chunks_.empty();
}

}  // namespace nau::storage
