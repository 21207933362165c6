#include "storage/content/blob_writer.h"

#include <cerrno>
#include <fcntl.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

// The disk works while we compress.
constexpr uint64_t kWritebackStep = uint64_t{8} << 20U;

}  // namespace

BlobWriter::BlobWriter(const Paths& paths)
    : paths_(paths), file_(sys::open(paths.ingests(), O_TMPFILE | O_RDWR, 0600)) {}

void BlobWriter::write(std::span<const std::byte> bytes) {
    NAU_ASSERT(!digest_);
    sys::write_all(file_.get(),
                   std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    hasher_.update(bytes);
    size_bytes_ += bytes.size();
    if (size_bytes_ - writeback_begun_ >= kWritebackStep) {
        (void)::sync_file_range(  // only earlier than needed
            file_.get(),
            static_cast<off_t>(writeback_begun_),
            static_cast<off_t>(size_bytes_ - writeback_begun_),
            SYNC_FILE_RANGE_WRITE);
        writeback_begun_ = size_bytes_;
    }
}

const oci::Digest& BlobWriter::finish() {
    NAU_ASSERT(!digest_);
    return digest_.emplace(hasher_.finish());
}

void BlobWriter::publish() {
    NAU_ASSERT(digest_.has_value());
    NAU_FAIL_POINT("content.write.before_fsync");
    sys::fdatasync(file_.get());
    const std::string directory = paths_.blob_directory(digest_->algorithm());
    const sys::UniqueFd blobs = sys::open(directory, O_PATH | O_DIRECTORY);
    NAU_FAIL_POINT("content.write.before_link");
    try {
        sys::link_fd(file_.get(), blobs.get(), std::string(digest_->hex()));
    } catch (const SysError& error) {
        if (error.error() != EEXIST) {
            throw;
        }
    }
    NAU_FAIL_POINT("content.write.after_link");
    sys::fsync_directory(directory);
}

}  // namespace nau::storage
