#include "monitor/footprint.h"

#include <algorithm>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/raw.h"

namespace nau::monitor {

namespace {

using Range = Footprint::Range;
namespace raw = sys::raw;

constexpr size_t kPage = 4096;
constexpr std::string_view kTunables = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0";

/// The only code that runs between letting go of the code and waking up: system calls inlined, in a
/// page of its own.
[[gnu::noinline, gnu::flatten, gnu::aligned(kPage), gnu::section(".text.nau_asleep")]] void
let_go_and_wait(const Range* ranges, size_t count, pollfd* fd) noexcept {
    for (size_t i = 0; i < count; ++i) {
        // Advice: when it is not taken, nothing is lost.
        (void)raw::call(__NR_madvise,
                        static_cast<long>(ranges[i].begin),
                        static_cast<long>(ranges[i].size),
                        MADV_DONTNEED);
    }
    (void)raw::ppoll(fd, 1, nullptr);
}

/// Of one loaded object: the segments that nobody can have written to. (The part that is made
/// read-only after relocation belongs to a writable segment.)
int add_ranges(dl_phdr_info* object, size_t /*size*/, void* context) {
    auto& ranges = *static_cast<std::vector<Range>*>(context);
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
            continue;
        }
        const uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(kPage - 1);
        const uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        try {
            ranges.push_back({.begin = begin, .size = end - begin});
        } catch (...) {
            return 1;  // no memory, no saving
        }
    }
    return 0;
}

}  // namespace

std::vector<std::string> monitor_environment() {
    std::vector<std::string> environment = ordinary_environment();
    const auto is_tunables = [](const std::string& variable) {
        return variable.starts_with("GLIBC_TUNABLES=");
    };
    if (std::ranges::none_of(environment, is_tunables)) {
        environment.emplace_back(kTunables);
    }
    return environment;
}

std::vector<std::string> ordinary_environment() {
    std::vector<std::string> environment;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        if (*variable != kTunables) {
            environment.emplace_back(*variable);
        }
    }
    return environment;
}

void keep_heap_small() noexcept {
#ifdef __GLIBC__
    (void)::mallopt(M_TOP_PAD, static_cast<int>(kPage));
    (void)::mallopt(M_TRIM_THRESHOLD, 16 * 1024);
#endif
}

Footprint::Footprint() {
    (void)::dl_iterate_phdr(add_ranges, &ranges_);  // what add_ranges() returned
    for (const Range& range : ranges_) {
        // A touch maps small pages, not two megabytes at once.
        (void)raw::call(__NR_madvise,
                        static_cast<long>(range.begin),
                        static_cast<long>(range.size),
                        MADV_NOHUGEPAGE);
    }
    // Different advice makes it a mapping of its own, so that nothing is mapped around it.
    (void)raw::call(__NR_madvise,
                    raw::arg(reinterpret_cast<const void*>(&let_go_and_wait)),
                    kPage,
                    MADV_RANDOM);
}

void Footprint::sleep_until_readable(int fd) const noexcept {
#ifdef __GLIBC__
    (void)::malloc_trim(0);  // whether there was any does not matter
#endif
    pollfd entry{fd, POLLIN, 0};
    let_go_and_wait(ranges_.data(), ranges_.size(), &entry);
}

}  // namespace nau::monitor
