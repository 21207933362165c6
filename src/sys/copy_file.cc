#include "sys/copy_file.h"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::sys {

namespace {

/// The next piece with content at or behind `offset`; its end is that of the file when there is no
/// more, or when the file system does not tell.
struct Extent {
    off_t begin = 0;
    off_t end = 0;
};

Extent next_extent(int fd, off_t offset, off_t size) {
    const off_t begin = ::lseek(fd, offset, SEEK_DATA);
    if (begin < 0) {
        return errno == ENXIO ? Extent{.begin = size, .end = size}
                              : Extent{.begin = offset, .end = size};
    }
    const off_t end = ::lseek(fd, begin, SEEK_HOLE);
    return {.begin = begin, .end = end < 0 ? size : std::min(end, size)};
}

void seek(int fd, off_t offset) {
    if (::lseek(fd, offset, SEEK_SET) < 0) {
        throw SysError(errno, "seek");
    }
}

}  // namespace

void copy_file(int from, int to) {
    if (::ioctl(to, FICLONE, from) == 0) {
        return;
    }
    const off_t size = fstat(from).st_size;
    ftruncate(to, size);
    for (off_t offset = 0; offset < size;) {
        const Extent extent = next_extent(from, offset, size);
        if (extent.begin < extent.end) {
            seek(from, extent.begin);
            seek(to, extent.begin);
            (void)copy_data(from, to, static_cast<uint64_t>(extent.end - extent.begin));
        }
        offset = std::max(extent.end, offset + 1);
    }
}

}  // namespace nau::sys
