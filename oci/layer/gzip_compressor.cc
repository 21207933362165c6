#include "oci/layer/gzip_compressor.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zlib.h>

#include "base/error.h"

namespace nau::oci {

namespace {

constexpr size_t kBlockBytes = size_t{1} << 20U;
constexpr size_t kWindowBytes = size_t{32} << 10U;
constexpr unsigned kMaxThreads = 16;
constexpr int kRawDeflate = -15;
constexpr int kMemoryLevel = 8;

/// One block on its way. Written by its thread until `is_done`.
struct Block {
    std::string input;
    std::string window;  ///< the end of the block before
    bool is_last = false;
    std::string output = {};
    uLong checksum = 0;
    std::exception_ptr failure = {};
    bool is_done = false;
};

struct Deflater {
    explicit Deflater(int level) {
        if (deflateInit2(
                &stream, level, Z_DEFLATED, kRawDeflate, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
            Z_OK) {
            throw Error(ErrorKind::unavailable, "deflate: out of memory");
        }
    }
    ~Deflater() { (void)deflateEnd(&stream); }  // tells only that data was left
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    Deflater(Deflater&&) = delete;
    Deflater& operator=(Deflater&&) = delete;

    z_stream stream = {};
};

// zlib's interface is not const-correct.
Bytef* bytes_of(std::string& text) noexcept {
    return reinterpret_cast<Bytef*>(text.data());
}

/// Ends on a byte boundary, so that the blocks can be joined.
void deflate_block(Block& block, int level) {
    Deflater deflater(level);
    z_stream& stream = deflater.stream;
    if (!block.window.empty() &&
        deflateSetDictionary(
            &stream, bytes_of(block.window), static_cast<uInt>(block.window.size())) != Z_OK) {
        throw Error(ErrorKind::internal, "deflate: window refused");
    }
    block.checksum = crc32(0, bytes_of(block.input), static_cast<uInt>(block.input.size()));
    // What a flush adds is not in the bound.
    block.output.resize(deflateBound(&stream, static_cast<uLong>(block.input.size())) + 16);
    stream.next_in = bytes_of(block.input);
    stream.avail_in = static_cast<uInt>(block.input.size());
    stream.next_out = bytes_of(block.output);
    stream.avail_out = static_cast<uInt>(block.output.size());
    const int result = deflate(&stream, block.is_last ? Z_FINISH : Z_SYNC_FLUSH);
    if (result != (block.is_last ? Z_STREAM_END : Z_OK) || stream.avail_in != 0) {
        throw Error(ErrorKind::internal, "deflate: result {}", result);
    }
    block.output.resize(block.output.size() - stream.avail_out);
}

class GzipCompressor final : public Compressor {
  public:
    GzipCompressor(ByteSink sink, int level, unsigned threads)
        : sink_(std::move(sink)), level_(level), threads_(threads) {
        input_.reserve(kBlockBytes);
    }
    ~GzipCompressor() override {
        {
            const std::lock_guard lock(mutex_);
            is_ended_ = true;
        }
        changed_.notify_all();
        workers_.clear();  // before what they use
    }
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;
    GzipCompressor(GzipCompressor&&) = delete;
    GzipCompressor& operator=(GzipCompressor&&) = delete;

    void write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            if (input_.size() == kBlockBytes) {
                submit(false);
            }
            const size_t size = std::min(bytes.size(), kBlockBytes - input_.size());
            input_.append(reinterpret_cast<const char*>(bytes.data()), size);
            bytes = bytes.subspan(size);
        }
    }

    void finish() override {
        submit(true);
        while (!blocks_.empty()) {
            emit_front();
        }
        put_header();
        std::array<std::byte, 8> trailer = {};
        for (size_t i = 0; i < 4; ++i) {
            trailer.at(i) = static_cast<std::byte>((checksum_ >> (8 * i)) & 0xffU);
            trailer.at(4 + i) = static_cast<std::byte>((size_ >> (8 * i)) & 0xffU);
        }
        sink_(trailer);
    }

  private:
    void submit(bool is_last) {
        auto block = std::make_unique<Block>();
        block->window = window_;
        block->is_last = is_last;
        window_ =
            input_.size() > kWindowBytes ? input_.substr(input_.size() - kWindowBytes) : input_;
        block->input = std::move(input_);
        input_ = {};
        input_.reserve(is_last ? 0 : kBlockBytes);
        if (is_last && blocks_.empty() && workers_.empty()) {
            // Small: not worth a thread.
            deflate_block(*block, level_);
            block->is_done = true;
            blocks_.push_back(std::move(block));
            return;
        }
        if (workers_.size() < threads_) {
            workers_.emplace_back([this] { work(); });
        }
        {
            const std::lock_guard lock(mutex_);
            todo_.push_back(block.get());
            blocks_.push_back(std::move(block));
        }
        changed_.notify_all();
        while (blocks_.size() > size_t{2} * threads_) {
            emit_front();
        }
    }

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [&] { return is_ended_ || !todo_.empty(); });
            if (is_ended_) {
                return;
            }
            Block* block = todo_.front();
            todo_.pop_front();
            lock.unlock();
            try {
                deflate_block(*block, level_);
            } catch (...) {
                block->failure = std::current_exception();
            }
            lock.lock();
            block->is_done = true;
            changed_.notify_all();
        }
    }

    void emit_front() {
        std::unique_ptr<Block> block;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return blocks_.front()->is_done; });
            block = std::move(blocks_.front());
            blocks_.pop_front();
        }
        if (block->failure) {
            std::rethrow_exception(block->failure);
        }
        put_header();
        sink_(std::as_bytes(std::span<const char>(block->output)));
        const auto length = static_cast<z_off_t>(block->input.size());
        checksum_ = crc32_combine(checksum_, block->checksum, length);
        size_ += block->input.size();
    }

    /// No name, no time, "unknown" as the system.
    void put_header() {
        if (std::exchange(has_header_, true)) {
            return;
        }
        constexpr std::array<unsigned char, 10> kHeader = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
        sink_(std::as_bytes(std::span(kHeader)));
    }

    ByteSink sink_;
    int level_;
    unsigned threads_;
    std::string input_;
    std::string window_;
    bool has_header_ = false;
    uLong checksum_ = 0;
    uint64_t size_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_ended_ = false;
    std::deque<std::unique_ptr<Block>> blocks_;  ///< in order; the caller's thread alone changes it
    std::deque<Block*> todo_;
    std::vector<std::jthread> workers_;
};

}  // namespace

std::unique_ptr<Compressor> make_gzip_compressor(ByteSink sink, int level, unsigned threads) {
    const unsigned wanted = threads != 0 ? threads : std::thread::hardware_concurrency();
    return std::make_unique<GzipCompressor>(
        std::move(sink), level, std::clamp(wanted, 1U, kMaxThreads));
}

}  // namespace nau::oci
