#pragma once

// The default profile's system calls as numbers, per architecture. The implementation is made when
// nau is built (seccomp_table_generator.cc).

#include <cstdint>
#include <span>

#include "runtime/seccomp_names.h"

namespace nau::runtime {

struct SeccompTableRow {
    uint32_t number = 0;
    uint16_t group = 0;  ///< index into default_seccomp_groups()
};

struct SeccompTable {
    SeccompArch arch{};
    std::span<const SeccompTableRow> rows;  ///< sorted by number
};

/// Native architecture first.
std::span<const SeccompTable> default_seccomp_tables() noexcept;

}  // namespace nau::runtime
