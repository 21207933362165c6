#include "engine/store/probe_overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/log.h"
#include "runtime/rootfs.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

constexpr mode_t kPrivateMode = 0700;

class Scratch {
  public:
    explicit Scratch(const std::filesystem::path& parent)
        : path_(parent / ("probe-" + sys::random_hex(8))) {
        sys::mkdir(path_, kPrivateMode);
    }
    ~Scratch() {
        try {
            sys::remove_tree(path_);
        } catch (const Error& error) {
            NAU_LOG_WARN("{}, ignoring", error.text());
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    Scratch(Scratch&&) = delete;
    Scratch& operator=(Scratch&&) = delete;

    std::string make(const char* name) const {
        const std::string directory = path_ / name;
        sys::mkdir(directory, kPrivateMode);
        return directory;
    }

  private:
    std::filesystem::path path_;
};

void try_all(const Scratch& scratch) {
    const std::string lower = scratch.make("lower");
    const std::string upper = scratch.make("upper");
    const std::string work = scratch.make("work");
    const sys::UniqueFd directory = sys::open(lower, O_RDONLY | O_DIRECTORY);
    sys::fsetxattr(directory.get(), "trusted.overlay.opaque", "y");
    sys::mknodat(directory.get(), "whiteout", S_IFCHR, makedev(0, 0));
    (void)runtime::open_rootfs({.kind = runtime::RootfsKind::overlay,
                                .path = {},
                                .lower_dirs = {lower},
                                .upper = upper,
                                .work = work});
}

}  // namespace

std::string why_no_overlay(const std::filesystem::path& directory) {
    const Scratch scratch(directory);
    try {
        try_all(scratch);
    } catch (const Error& error) {
        return fmt::format("overlayfs does not work here ({})", error.text());
    }
    return {};
}

}  // namespace nau::engine
