#include "storage/trash.h"

#include <cerrno>
#include <stdio.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::storage {

bool Trash::take(const std::filesystem::path& path) const {
    NAU_FAIL_POINT("trash.take.before");
    // A name of its own: the same directory number may have come here before.
    const auto target =
        paths_.trash() / fmt::format("{}-{}", path.filename().string(), sys::random_hex(6));
    if (::rename(path.c_str(), target.c_str()) != 0) {
        const int error = errno;
        if (error == ENOENT && sys::is_directory(paths_.trash())) {
            return false;
        }
        throw SysError(error, "rename {} to {}", path.string(), target.string());
    }
    NAU_FAIL_POINT("trash.take.after");
    return true;
}

bool Trash::is_empty() const {
    return list_trash(paths_).empty();
}

SnapshotUsage Trash::usage() const {
    return sys::is_directory(paths_.trash()) ? measure_tree(paths_.trash()) : SnapshotUsage{};
}

size_t Trash::empty() const {
    size_t removed = 0;
    for (const auto& path : list_trash(paths_)) {
        NAU_FAIL_POINT("trash.empty.before");
        try {
            sys::remove_tree(path);
            ++removed;
        } catch (const Error& error) {
            NAU_LOG_WARN("emptying the trash: {}, ignoring", error.text());
        }
    }
    return removed;
}

std::vector<std::filesystem::path> list_trash(const Paths& paths) {
    std::vector<std::filesystem::path> found;
    if (const auto entries = sys::list_directory_if_exists(paths.trash())) {
        for (const auto& entry : *entries) {
            found.push_back(paths.trash() / entry.name);
        }
    }
    return found;
}

}  // namespace nau::storage
