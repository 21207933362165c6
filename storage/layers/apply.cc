#include "storage/layers/apply.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "storage/layers/pipeline.h"
#include "storage/layers/unpacker.h"
#include "storage/layers/writer_pool.h"

namespace nau::storage {

namespace {

constexpr size_t kChunkSize = size_t{1} << 20;
constexpr size_t kMaxChunks = 8;
constexpr unsigned kMaxWriters = 4;

/// What the parsing stage knows in the end.
struct TreeSummary {
    uint64_t entries = 0;
    uint64_t inodes = 0;
    uint64_t file_bytes = 0;
};

class LayerApplication {
  public:
    LayerApplication(oci::ByteSource source,
                     oci::Compression declared,
                     int target_dir,
                     const ApplyOptions& options)
        : options_(options),
          target_dir_(target_dir),
          decompressor_(std::move(source), declared, options.limits.decompress),
          failure_(options.abort_source),
          pool_(kChunkSize, kMaxChunks) {}

    ApplyResult run() {
        const std::stop_callback on_stop(options_.stop, [this] {
            failure_.set(std::make_exception_ptr(Error(ErrorKind::interrupted, "interrupted")));
        });
        run_stage(failure_, [this] {
            auto first = read_chunk();
            if (first.bytes.size() < kChunkSize) {
                run_inline(std::move(first));
            } else {
                run_threads(std::move(first));
            }
        });
        failure_.rethrow_if_any();
        return {.diff_id = oci::DiffId(hasher_.finish()),
                .compression = decompressor_.compression(),
                .compressed_bytes = decompressor_.input_bytes(),
                .unpacked_bytes = decompressor_.output_bytes(),
                .entries = summary_.entries,
                .inodes = summary_.inodes,
                .file_bytes = summary_.file_bytes};
    }

  private:
    /// A chunk that is not full is the last one.
    oci::Chunk read_chunk() {
        auto buffer = pool_.take(failure_.stop_token());
        const size_t size = decompressor_.read(buffer.bytes);
        return {.bytes = buffer.bytes.first(size), .owner = std::move(buffer.owner)};
    }

    /// A layer of one chunk is not worth a thread.
    void run_inline(oci::Chunk only) {
        hasher_.update(only.bytes);
        build_tree([&] { return std::exchange(only, {}); }, 0);
    }

    void run_threads(oci::Chunk first) {
        to_hash_.push(first);
        to_tree_.push(std::move(first));
        const auto inflate = start([this] { inflate_all(); });
        const auto tree = start([this] { build_tree_threaded(); });
        while (true) {
            const auto chunk = to_hash_.pop(failure_.stop_token());
            if (chunk.bytes.empty()) {
                return;
            }
            hasher_.update(chunk.bytes);
        }
    }

    /// A thread that cannot be started stops those that could, before they are waited for.
    template <typename Work>
    std::jthread start(Work work) {
        try {
            return std::jthread([this, work] { run_stage(failure_, work); });
        } catch (const std::system_error& error) {
            failure_.set(std::make_exception_ptr(
                SysError(error.code().value(), "start a thread to unpack with")));
            throw Stopped();
        }
    }

    void inflate_all() {
        for (size_t size = kChunkSize; size == kChunkSize;) {
            auto chunk = read_chunk();
            size = chunk.bytes.size();
            if (size > 0) {
                to_hash_.push(chunk);
                to_tree_.push(std::move(chunk));
            }
        }
        to_hash_.push({});
        to_tree_.push({});
    }

    void build_tree_threaded() {
        bool has_ended = false;
        const auto next = [&] {
            auto chunk = to_tree_.pop(failure_.stop_token());
            has_ended = chunk.bytes.empty();
            return chunk;
        };
        const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
        build_tree(next,
                   options_.max_writers != 0 ? options_.max_writers : std::min(cores, kMaxWriters));
        while (!has_ended) {
            (void)next();  // after the end of the archive: only hashed
        }
    }

    template <typename NextChunk>
    void build_tree(NextChunk&& next_chunk, unsigned writer_threads) {
        const LeafSettings settings = leaf_settings(options_);
        WriterPool writers(failure_, settings, writer_threads);
        Unpacker unpacker(target_dir_, options_, settings, writers);
        if (writer_threads > 0) {
            unpacker.take_own_umask();
        }
        oci::TarReader reader(
            [&] {
                if (to_tree_.is_empty()) {
                    // The next chunk may wait for a buffer that a collected job holds.
                    writers.flush();
                }
                return next_chunk();
            },
            options_.limits.tar);
        unpacker.unpack(reader);
        summary_ = {.entries = unpacker.entries(),
                    .inodes = unpacker.made() + writers.made(),
                    .file_bytes = unpacker.file_bytes() + writers.file_bytes()};
    }

    const ApplyOptions& options_;
    int target_dir_;
    oci::Decompressor decompressor_;
    Failure failure_;
    ChunkPool pool_;
    ChunkQueue to_hash_;
    ChunkQueue to_tree_;
    oci::Hasher hasher_;
    TreeSummary summary_;
};

}  // namespace

ApplyResult apply_layer(oci::ByteSource source,
                        oci::Compression declared,
                        int target_dir,
                        const ApplyOptions& options) {
    return LayerApplication(std::move(source), declared, target_dir, options).run();
}

}  // namespace nau::storage
