#pragma once

// Runs a seccomp program as the kernel would, and counts its steps.

#include <cstdint>
#include <vector>

namespace nau::test {

struct SeccompCall {
    uint32_t number = 0;
    uint32_t audit_arch = 0;
    uint64_t args[6] = {};
};

struct SeccompVerdict {
    uint32_t action = 0;
    unsigned steps = 0;
};

/// `program` holds struct sock_filter records. Fails the test on anything the kernel would refuse:
/// jumps out of the program, loads outside of seccomp_data, unknown instructions.
SeccompVerdict run_seccomp(const std::vector<uint64_t>& program, const SeccompCall& call);

}  // namespace nau::test
