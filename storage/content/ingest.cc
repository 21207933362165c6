#include "storage/content/ingest.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "storage/content/content_store.h"
#include "storage/content/ingest_state.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

/// So much is left to the kernel's own judgement before it is told to begin writing: what is on its
/// way to the disk during the download need not be waited for at its end.
constexpr uint64_t kWritebackStep = uint64_t{8} << 20U;

void begin_writeback(IngestState& state) {
    const uint64_t length = state.offset - state.writeback_begun;
    if (length < kWritebackStep) {
        return;
    }
    // A hint: what it cannot do, fdatasync does later.
    (void)::sync_file_range(state.fd(),
                            static_cast<off_t>(state.writeback_begun),
                            static_cast<off_t>(length),
                            SYNC_FILE_RANGE_WRITE);
    state.writeback_begun = state.offset;
}

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void IngestState::enter(Phase next) noexcept {
    {
        const std::lock_guard guard(mutex);
        if (phase == Phase::growing) {
            phase = next;
        }
    }
    changed.notify_all();
}

// --- Ingest

Ingest::Ingest(std::shared_ptr<IngestState> state) noexcept : state_(std::move(state)) {}

Ingest& Ingest::operator=(Ingest&& other) noexcept {
    if (this != &other) {
        Ingest old(std::move(*this));  // gives up what was held
        state_ = std::move(other.state_);
    }
    return *this;
}

Ingest::~Ingest() {
    if (state_) {
        state_->lock.unlock();
        state_->enter(IngestState::Phase::given_up);
    }
}

const oci::Descriptor& Ingest::expected() const noexcept {
    return state_->expected;
}

uint64_t Ingest::offset() const noexcept {
    return state_->offset;
}

void Ingest::write(std::span<const std::byte> bytes) {
    IngestState& state = *state_;
    if (bytes.size() > state.expected.size_bytes - state.offset) {
        throw Error(ErrorKind::corrupt,
                    "{}: more than the announced {} bytes",
                    state.expected.digest,
                    state.expected.size_bytes);
    }
    NAU_FAIL_POINT("content.write.before");
    doing(
        [&] {
            return fmt::format("storing {}, {} of {} bytes there",
                               state.expected.digest,
                               state.offset,
                               state.expected.size_bytes);
        },
        [&] { sys::pwrite_all(state.fd(), as_text(bytes), static_cast<off_t>(state.offset)); });
    state.hasher->update(bytes);
    {
        const std::lock_guard guard(state.mutex);
        state.offset += bytes.size();
    }
    state.changed.notify_all();
    begin_writeback(state);
}

void Ingest::write(std::string_view bytes) {
    write(std::as_bytes(std::span(bytes)));
}

void Ingest::restart() {
    IngestState& state = *state_;
    {
        const std::lock_guard guard(state.mutex);
        state.offset = 0;
        ++state.restarts;
    }
    state.changed.notify_all();
    sys::ftruncate(state.fd(), 0);
    state.hasher.emplace(state.expected.digest.algorithm());
    state.writeback_begun = 0;
}

IngestReader Ingest::reader() const {
    return IngestReader(state_);
}

VerifiedIngest Ingest::verify() && {
    IngestState& state = *state_;
    if (state.offset != state.expected.size_bytes) {
        throw Error(ErrorKind::corrupt,
                    "{}: ends after {} of {} bytes",
                    state.expected.digest,
                    state.offset,
                    state.expected.size_bytes);
    }
    NAU_FAIL_POINT("content.verify.before");
    const oci::Digest found = state.hasher->finish();
    if (found != state.expected.digest) {
        // Nothing in it can be trusted, so there is nothing to resume. Readers are told before they
        // find the file empty.
        state.enter(IngestState::Phase::corrupt);
        sys::ftruncate(state.fd(), 0);
        sys::unlink(state.file);
        throw Error(ErrorKind::corrupt,
                    "{}: the bytes that came have digest {}",
                    state.expected.digest,
                    found);
    }
    state.enter(IngestState::Phase::verified);
    return VerifiedIngest(std::move(state_));
}

void Ingest::commit() && {
    ContentStore store(state_->paths);
    std::vector<VerifiedIngest> one;
    one.push_back(std::move(*this).verify());
    store.publish(std::move(one));
}

// --- VerifiedIngest

VerifiedIngest::VerifiedIngest(std::shared_ptr<IngestState> state) noexcept
    : state_(std::move(state)) {}

VerifiedIngest& VerifiedIngest::operator=(VerifiedIngest&& other) noexcept {
    if (this != &other) {
        const VerifiedIngest old(std::move(*this));
        state_ = std::move(other.state_);
    }
    return *this;
}

VerifiedIngest::~VerifiedIngest() {
    if (state_) {
        state_->lock.unlock();  // readers may live on
    }
}

const oci::Digest& VerifiedIngest::digest() const noexcept {
    return state_->expected.digest;
}

// --- IngestReader

IngestReader::IngestReader(std::shared_ptr<IngestState> state)
    : state_(std::move(state)), fd_(sys::open(state_->file, O_RDONLY)) {
    const std::lock_guard guard(state_->mutex);
    restarts_ = state_->restarts;
}

size_t IngestReader::read(std::span<std::byte> buffer, const std::stop_token& stop) {
    using Phase = IngestState::Phase;
    IngestState& state = *state_;
    std::unique_lock guard(state.mutex);
    const bool has_news = state.changed.wait(guard, stop, [&] {
        return state.phase != Phase::growing || state.restarts != restarts_ ||
               state.offset > offset_;
    });
    if (!has_news) {
        throw Error(ErrorKind::interrupted, "{}: reading was stopped", state.expected.digest);
    }
    if (state.restarts != restarts_ && offset_ != 0) {
        throw Error(ErrorKind::interrupted, "{}: the download began anew", state.expected.digest);
    }
    restarts_ = state.restarts;
    if (state.phase == Phase::corrupt) {
        throw Error(ErrorKind::corrupt, "{}: wrong digest", state.expected.digest);
    }
    if (state.phase == Phase::given_up) {
        throw Error(ErrorKind::interrupted, "{}: the download was given up", state.expected.digest);
    }
    const uint64_t available = state.offset - offset_;
    guard.unlock();
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(available, buffer.size()));
    if (wanted == 0) {
        return 0;  // verified, and all read (or an empty buffer)
    }
    const ssize_t count = sys::retry(
        [&] { return ::pread(fd_.get(), buffer.data(), wanted, static_cast<off_t>(offset_)); });
    if (count < 0) {
        throw SysError(errno, "read {}", state.file);
    }
    if (count == 0) {
        guard.lock();
        if (state.phase == Phase::corrupt) {
            throw Error(ErrorKind::corrupt, "{}: wrong digest", state.expected.digest);
        }
        throw Error(ErrorKind::interrupted, "{}: the download began anew", state.expected.digest);
    }
    offset_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
}

}  // namespace nau::storage
