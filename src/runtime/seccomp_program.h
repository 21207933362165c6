#pragma once

// The assembler: rules over numbers in, a classic BPF program out. Pure.
//
//   arch? ──▶ per architecture: number ≥ k? ─┬▶ … balanced tree of ranges … ─▶ return an action
//                                            └▶                              ─▶ look at arguments

#include <cstdint>
#include <linux/seccomp.h>
#include <vector>

namespace nau::runtime {

enum class SeccompOp : uint8_t {
    equal,
    not_equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    masked_equal,  ///< (argument & value) == value_two
};

struct SeccompCondition {
    uint8_t index = 0;
    SeccompOp op = SeccompOp::equal;
    uint64_t value = 0;
    uint64_t value_two = 0;
};

struct SeccompRule {
    uint32_t number = 0;
    uint32_t action = 0;  ///< SECCOMP_RET_* with its data
    std::vector<SeccompCondition> conditions;
};

/// Calls of one AUDIT_ARCH_*. x86_64 and x32 share one.
struct SeccompArchRules {
    uint32_t audit_arch = 0;
    bool is_64_bit = true;  ///< otherwise arguments have 32 bits
    uint32_t default_action = 0;
    /// In the order in which alternatives are tried; of any order of numbers.
    std::vector<SeccompRule> rules;
    /// Numbers from `first` on have another default. Sorted.
    struct Region {
        uint32_t first = 0;
        uint32_t default_action = 0;
    };
    std::vector<Region> regions;
};

/// struct sock_filter records, 8 bytes each. @throws Error{invalid} when it is longer than the
/// kernel takes (4096)
std::vector<uint64_t> assemble_seccomp(const std::vector<SeccompArchRules>& architectures,
                                       uint32_t other_architectures_action);

/// What such a program answers to a call: SECCOMP_RET_*. @pre made by assemble_seccomp()
uint32_t judge_seccomp(const std::vector<uint64_t>& program, const seccomp_data& call);

}  // namespace nau::runtime
