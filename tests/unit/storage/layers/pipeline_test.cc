#include "storage/layers/pipeline.h"

#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

using nau::storage::ChunkPool;
using nau::storage::ChunkQueue;
using nau::storage::Failure;
using nau::storage::run_stage;
using nau::storage::Stopped;

TEST_CASE("a buffer comes back when its last holder lets go, and is used again") {
    ChunkPool pool(4096, 1);
    const std::stop_source never;
    auto first = pool.take(never.get_token());
    CHECK(first.bytes.size() == 4096);
    const auto* const address = first.bytes.data();
    auto holder = first.owner;
    std::jthread releaser([holder = std::move(holder)]() mutable { holder.reset(); });
    first.owner.reset();
    const auto second = pool.take(never.get_token());
    CHECK(second.bytes.data() == address);
}

TEST_CASE("buffers outlive their pool") {
    std::shared_ptr<const void> owner;
    std::span<std::byte> bytes;
    {
        ChunkPool pool(16, 2);
        auto buffer = pool.take({});
        owner = buffer.owner;
        bytes = buffer.bytes;
    }
    bytes[15] = std::byte{1};
    CHECK(bytes[15] == std::byte{1});
}

TEST_CASE("the first failure stops every wait and is the one that is reported") {
    int aborted = 0;
    Failure failure([&] { ++aborted; });
    ChunkPool pool(16, 1);
    ChunkQueue queue;
    const auto held = pool.take(failure.stop_token());
    {
        std::jthread a([&] { run_stage(failure, [&] { (void)pool.take(failure.stop_token()); }); });
        std::jthread b([&] { run_stage(failure, [&] { (void)queue.pop(failure.stop_token()); }); });
        run_stage(failure, [] { throw std::runtime_error("first"); });
        run_stage(failure, [] { throw std::runtime_error("second"); });
        run_stage(failure, [] { throw Stopped(); });
    }
    CHECK(failure.has_happened());
    CHECK(aborted == 1);
    CHECK_THROWS_WITH(failure.rethrow_if_any(), "first");
}

TEST_CASE("chunks leave the queue in their order") {
    ChunkQueue queue;
    const std::byte bytes[3] = {};
    for (size_t size = 1; size <= 3; ++size) {
        queue.push({.bytes = std::span(bytes).first(size), .owner = {}});
    }
    CHECK_FALSE(queue.is_empty());
    for (size_t size = 1; size <= 3; ++size) {
        CHECK(queue.pop({}).bytes.size() == size);
    }
    CHECK(queue.is_empty());
}
