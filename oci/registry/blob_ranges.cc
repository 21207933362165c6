#include "oci/registry/blob_ranges.h"

#include <algorithm>
#include <exception>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/error.h"

namespace nau::oci {

namespace {

using Bytes = std::vector<std::byte>;

/// What workers and the caller share.
class RangeSession {
  public:
    RangeSession(const BlobRequest& request,
                 uint64_t first,
                 uint64_t part_bytes,
                 PartSlots& slots,
                 const PartFetcher& fetch)
        : request_(request), first_(first), part_bytes_(part_bytes), slots_(slots), fetch_(fetch) {
        request_.stop = stop_.get_token();
    }
    RangeSession(const RangeSession&) = delete;
    RangeSession& operator=(const RangeSession&) = delete;
    /// Slots of parts that nobody took.
    ~RangeSession() {
        for (size_t i = 0; i < done_.size(); ++i) {
            slots_.release();
        }
    }

    uint64_t part_count() const noexcept {
        return (request_.size_bytes - first_ + part_bytes_ - 1) / part_bytes_;
    }
    void stop() noexcept { stop_.request_stop(); }
    void work() noexcept;
    /// Waits for the part; rethrows the first failure of a worker.
    Bytes take(uint64_t index);
    void give_back() noexcept { slots_.release(); }

  private:
    Bytes fetch_part(uint64_t index);
    void fail(std::exception_ptr failure) noexcept;

    BlobRequest request_;
    const uint64_t first_;
    const uint64_t part_bytes_;
    PartSlots& slots_;
    const PartFetcher& fetch_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t next_ = 0;
    std::map<uint64_t, Bytes> done_;
    std::exception_ptr failure_;
};

Bytes RangeSession::fetch_part(uint64_t index) {
    const uint64_t begin = first_ + index * part_bytes_;
    const uint64_t end = std::min(begin + part_bytes_, request_.size_bytes);
    Bytes bytes;
    bytes.reserve(static_cast<size_t>(end - begin));
    const BlobSink into_memory = [&](std::span<const std::byte> more) {
        // A registry that now sends the whole blob is stopped here.
        if (more.size() > end - begin - bytes.size()) {
            throw Error(ErrorKind::corrupt, "the registry heeds some ranges and others not");
        }
        bytes.insert(bytes.end(), more.begin(), more.end());
    };
    BlobStream stream(request_, into_memory, begin, end);
    fetch_(request_, stream);
    return bytes;
}

void RangeSession::fail(std::exception_ptr failure) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!failure_) {
            failure_ = std::move(failure);
        }
    }
    stop_.request_stop();
    changed_.notify_all();
}

void RangeSession::work() noexcept {
    while (slots_.acquire(stop_.get_token())) {
        uint64_t index = 0;
        {
            const std::lock_guard lock(mutex_);
            index = next_;
            next_ += index < part_count() ? 1 : 0;
        }
        if (index == part_count()) {
            slots_.release();
            return;
        }
        try {
            Bytes bytes = fetch_part(index);
            const std::lock_guard lock(mutex_);
            done_.emplace(index, std::move(bytes));
        } catch (...) {
            slots_.release();
            fail(std::current_exception());
            return;
        }
        changed_.notify_all();
    }
    // Who waits in take() would wait for ever.
    fail(std::make_exception_ptr(Error(ErrorKind::interrupted, "interrupted")));
}

Bytes RangeSession::take(uint64_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || done_.contains(index); });
    const auto found = done_.find(index);
    if (found == done_.end()) {
        std::rethrow_exception(failure_);
    }
    Bytes bytes = std::move(found->second);
    done_.erase(found);
    return bytes;
}

}  // namespace

bool PartSlots::acquire(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return free_ > 0; }) || stop.stop_requested()) {
        return false;
    }
    --free_;
    return true;
}

void PartSlots::release() noexcept {
    {
        const std::lock_guard lock(mutex_);
        ++free_;
    }
    changed_.notify_one();
}

void fetch_in_ranges(const BlobRequest& request,
                     uint64_t first,
                     const BlobSink& sink,
                     const RangeRules& rules,
                     PartSlots& slots,
                     const PartFetcher& fetch) {
    NAU_ASSERT(rules.part_bytes > 0 && rules.connections > 0 && first <= request.size_bytes);
    RangeSession session(request, first, rules.part_bytes, slots, fetch);
    const std::stop_callback on_stop(request.stop, [&session] { session.stop(); });
    std::vector<std::jthread> workers;
    // However it ends, the workers are told before they are joined.
    struct Stop {
        RangeSession& session;
        ~Stop() { session.stop(); }
    };
    const Stop stop_at_the_end{session};
    const auto wanted = std::min<uint64_t>(rules.connections, session.part_count());
    for (uint64_t i = 0; i < wanted; ++i) {
        workers.emplace_back([&session] { session.work(); });
    }
    for (uint64_t i = 0; i < session.part_count(); ++i) {
        const Bytes bytes = session.take(i);
        session.give_back();
        sink(bytes);
    }
}

}  // namespace nau::oci
