#include "storage/content/content_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "storage/content/ingest_state.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

constexpr size_t kReadSize = size_t{1} << 20U;
constexpr std::array kAlgorithms = {oci::DigestAlgorithm::sha256, oci::DigestAlgorithm::sha512};

Time to_time(const timespec& time) {
    return Time(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

/// Feeds the first `length` bytes of a file to `hasher`; returns how many there were.
uint64_t hash_file(int fd, uint64_t length, oci::Hasher& hasher, const std::string& path) {
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint
    std::vector<std::byte> buffer(static_cast<size_t>(std::min<uint64_t>(length, kReadSize)));
    uint64_t offset = 0;
    while (offset < length) {
        const auto wanted = static_cast<size_t>(std::min<uint64_t>(length - offset, kReadSize));
        const ssize_t count = sys::retry(
            [&] { return ::pread(fd, buffer.data(), wanted, static_cast<off_t>(offset)); });
        if (count < 0) {
            throw SysError(errno, "read {}", path);
        }
        if (count == 0) {
            break;
        }
        hasher.update(std::span(buffer).first(static_cast<size_t>(count)));
        offset += static_cast<uint64_t>(count);
    }
    return offset;
}

/// What an earlier attempt left is hashed again: neither it nor a stored hash state could be
/// trusted after a crash.
void resume(IngestState& state) {
    const auto size = static_cast<uint64_t>(sys::fstat(state.fd()).st_size);
    if (size > state.expected.size_bytes) {
        sys::ftruncate(state.fd(), 0);
        return;
    }
    state.offset = hash_file(state.fd(), size, *state.hasher, state.file);
    state.writeback_begun = state.offset;
    if (state.offset > 0) {
        NAU_LOG_DEBUG("{}: resuming at {} of {} bytes",
                      state.expected.digest,
                      state.offset,
                      state.expected.size_bytes);
    }
}

[[noreturn]] void fail_absent(const oci::Digest& digest) {
    throw Error(ErrorKind::not_found, "blob {}: not in the store", digest);
}

[[noreturn]] void fail_damaged(const oci::Digest& digest, const oci::Digest& found) {
    throw Error(ErrorKind::corrupt, "blob {}: its bytes have digest {}", digest, found)
        .with_hint("pull the image again");
}

/// Sleeps, or is woken by `stop`.
void nap(std::chrono::milliseconds duration, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock guard(mutex);
    (void)wake.wait_for(guard, stop, duration, [] { return false; });  // the caller asks `stop`
}

}  // namespace

bool ContentStore::has(const oci::Digest& digest) const {
    return find_size(digest).has_value();
}

std::filesystem::path ContentStore::locate(const oci::Digest& digest) const {
    const auto own = paths_.blob(digest);
    if (further_.empty() || sys::lstat_if_exists(own)) {
        return own;
    }
    for (const auto& paths : further_) {
        if (auto file = paths.blob(digest); sys::lstat_if_exists(file)) {
            return file;
        }
    }
    return own;
}

std::optional<uint64_t> ContentStore::find_size(const oci::Digest& digest) const {
    const auto status = sys::lstat_if_exists(locate(digest));
    if (!status) {
        return std::nullopt;
    }
    return static_cast<uint64_t>(status->st_size);
}

uint64_t ContentStore::blob_size(const oci::Digest& digest) const {
    const auto size = find_size(digest);
    if (!size) {
        fail_absent(digest);
    }
    return *size;
}

sys::UniqueFd ContentStore::open_blob(const oci::Digest& digest) const {
    auto fd = sys::open_if_exists(locate(digest), O_RDONLY | O_NOFOLLOW);
    if (!fd) {
        fail_absent(digest);
    }
    return *std::move(fd);
}

std::string ContentStore::read_blob(const oci::Digest& digest, size_t max_bytes) const {
    const sys::UniqueFd fd = open_blob(digest);
    std::string bytes = doing([&] { return fmt::format("blob {}", digest); },
                              [&] { return sys::read_fd(fd.get(), max_bytes); });
    if (const auto found = oci::digest_of(bytes, digest.algorithm()); found != digest) {
        fail_damaged(digest, found);
    }
    return bytes;
}

void ContentStore::verify_blob(const oci::Digest& digest) const {
    const sys::UniqueFd fd = open_blob(digest);
    oci::Hasher hasher(digest.algorithm());
    const auto size = static_cast<uint64_t>(sys::fstat(fd.get()).st_size);
    (void)hash_file(fd.get(), size, hasher, locate(digest));  // a short file: another digest
    if (const auto found = hasher.finish(); found != digest) {
        fail_damaged(digest, found);
    }
}

void ContentStore::write_blob(const oci::Descriptor& expected, std::string_view bytes) {
    auto ingest = begin_ingest(expected);
    if (!ingest) {
        return;
    }
    if (ingest->offset() != 0) {
        ingest->restart();
    }
    ingest->write(bytes);
    std::move(*ingest).commit();
}

ContentStore::TryIngest ContentStore::try_begin_ingest(const oci::Descriptor& expected) {
    if (has(expected.digest)) {
        return {};
    }
    NAU_FAIL_POINT("content.begin.before");
    const std::string file = paths_.ingest(expected.digest);
    auto lock = sys::FileLock::try_exclusive(file);
    if (!lock) {
        return {.ingest = std::nullopt, .is_busy = true};
    }
    // Whoever had the lock before may have finished.
    if (has(expected.digest)) {
        sys::unlink(file);
        return {};
    }
    auto state = std::make_shared<IngestState>(paths_, expected, *std::move(lock));
    resume(*state);
    NAU_FAIL_POINT("content.begin.after");
    return {.ingest = Ingest(std::move(state))};
}

std::optional<Ingest> ContentStore::begin_ingest(const oci::Descriptor& expected,
                                                 const std::stop_token& stop) {
    auto pause = std::chrono::milliseconds(5);
    for (;;) {
        auto attempt = try_begin_ingest(expected);
        if (!attempt.is_busy) {
            return std::move(attempt.ingest);
        }
        if (stop.stop_requested()) {
            throw Error(
                ErrorKind::interrupted, "waiting for another download of {}", expected.digest);
        }
        // The other one downloads: it takes as long as it takes, and may die without a word.
        nap(pause, stop);
        pause = std::min(pause * 2, std::chrono::milliseconds(100));
    }
}

void ContentStore::publish(std::vector<VerifiedIngest> ingests) {
    NAU_FAIL_POINT("content.publish.before_fsync");
    // First all writeback, side by side; then the metadata of all is in one journal transaction,
    // which the first fdatasync commits and the others find committed.
    for (const auto& ingest : ingests) {
        (void)::sync_file_range(  // only earlier than needed
            ingest.state_->fd(),
            0,
            0,
            SYNC_FILE_RANGE_WRITE);
    }
    for (const auto& ingest : ingests) {
        (void)::sync_file_range(  // errors come again from fdatasync
            ingest.state_->fd(),
            0,
            0,
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    }
    for (const auto& ingest : ingests) {
        doing([&] { return fmt::format("syncing {}", ingest.state_->file); },
              [&] { sys::fdatasync(ingest.state_->fd()); });
        NAU_FAIL_POINT("content.publish.after_fsync");
    }
    std::array<bool, kAlgorithms.size()> is_touched = {};
    for (const auto& ingest : ingests) {
        NAU_FAIL_POINT("content.publish.before_rename");
        // Over one that exists meanwhile (repaired, or from memory): the bytes are the same.
        sys::rename(ingest.state_->file, paths_.blob(ingest.digest()));
        is_touched.at(static_cast<size_t>(ingest.digest().algorithm())) = true;
        NAU_FAIL_POINT("content.publish.after_rename");
    }
    for (const auto algorithm : kAlgorithms) {
        if (is_touched.at(static_cast<size_t>(algorithm))) {
            sys::fsync_directory(paths_.blob_directory(algorithm).string());
        }
    }
    NAU_FAIL_POINT("content.publish.after");
}

void ContentStore::note_use(const oci::Digest& digest) const noexcept {
    const std::array<timespec, 2> times = {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                           timespec{.tv_sec = 0, .tv_nsec = UTIME_NOW}};
    // A hint for who looks for what has not been used for long: a read-only store goes without.
    (void)::utimensat(AT_FDCWD, paths_.blob(digest).c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

std::optional<Time> ContentStore::last_use(const oci::Digest& digest) const {
    const auto status = sys::lstat_if_exists(paths_.blob(digest));
    return status ? std::optional(to_time(status->st_mtim)) : std::nullopt;
}

std::vector<BlobInfo> ContentStore::list_blobs() const {
    std::vector<BlobInfo> blobs;
    for (const auto algorithm : kAlgorithms) {
        const auto entries = sys::list_directory_if_exists(paths_.blob_directory(algorithm));
        if (!entries) {
            continue;
        }
        for (const auto& entry : *entries) {
            const auto digest = Paths::parse_blob_name(algorithm, entry.name);
            const auto status = digest ? sys::lstat_if_exists(paths_.blob(*digest)) : std::nullopt;
            if (status) {
                blobs.push_back({.digest = *digest,
                                 .size_bytes = static_cast<uint64_t>(status->st_size),
                                 .modified = to_time(status->st_mtim)});
            }
        }
    }
    return blobs;
}

std::vector<IngestInfo> ContentStore::list_ingests() const {
    std::vector<IngestInfo> ingests;
    const auto entries = sys::list_directory_if_exists(paths_.ingests());
    if (!entries) {
        return ingests;
    }
    for (const auto& entry : *entries) {
        const auto digest = Paths::parse_ingest_name(entry.name);
        const auto status = digest ? sys::lstat_if_exists(paths_.ingest(*digest)) : std::nullopt;
        if (status) {
            // Shared, so that two who look do not see each other.
            const bool is_active = !sys::FileLock::try_shared(paths_.ingest(*digest)).has_value();
            ingests.push_back({.digest = *digest,
                               .size_bytes = static_cast<uint64_t>(status->st_size),
                               .modified = to_time(status->st_mtim),
                               .is_active = is_active});
        }
    }
    return ingests;
}

bool ContentStore::remove_blob(const oci::Digest& digest) {
    NAU_FAIL_POINT("content.remove.before");
    return sys::unlink_if_exists(paths_.blob(digest));
}

bool ContentStore::remove_ingest(const oci::Digest& digest) {
    const std::string file = paths_.ingest(digest);
    if (!sys::lstat_if_exists(file)) {
        return false;
    }
    const auto lock = sys::FileLock::try_exclusive(file);  // would make the file
    if (!lock) {
        return false;
    }
    NAU_FAIL_POINT("content.remove_ingest.before");
    return sys::unlink_if_exists(file);
}

}  // namespace nau::storage
