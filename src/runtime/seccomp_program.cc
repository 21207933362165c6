#include "runtime/seccomp_program.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>

#include "base/assert.h"
#include "base/error.h"

namespace nau::runtime {

namespace {

constexpr uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr uint32_t kArchOffset = offsetof(seccomp_data, arch);
constexpr size_t kMaxInstructions = 4096;  // BPF_MAXINSNS
constexpr size_t kMaxJump = 255;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of arguments are taken apart");

uint32_t low_offset(uint8_t argument) noexcept {
    return static_cast<uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(uint64_t));
}
uint32_t high_offset(uint8_t argument) noexcept {
    return low_offset(argument) + 4;
}

/// Writes the program from its end, because jumps lead forward only: when a jump is written, its
/// targets exist, and whether they are within reach (255 instructions) is known.
class Assembler {
  public:
    /// An instruction, counted from the end of the program.
    using Label = size_t;

    Label add_return(uint32_t action) {
        // Near ones are shared.
        for (const auto& [known, label] : returns_) {
            if (known == action && distance(label) <= kMaxJump - kSlack) {
                return label;
            }
        }
        std::erase_if(returns_, [&](const auto& entry) { return entry.first == action; });
        const Label label = add(BPF_RET | BPF_K, action);
        returns_.emplace_back(action, label);
        return label;
    }

    Label add_load(uint32_t offset) { return add(BPF_LD | BPF_W | BPF_ABS, offset); }
    Label add_and(uint32_t mask) { return add(BPF_ALU | BPF_AND | BPF_K, mask); }

    /// `operation` is BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET.
    Label add_branch(uint16_t operation, uint32_t value, Label if_true, Label if_false) {
        if (if_true == if_false) {
            return if_true;
        }
        if_true = bring_near(if_true, kSlack);
        if_false = bring_near(if_false, 0);
        sock_filter instruction = {};
        instruction.code = static_cast<uint16_t>(BPF_JMP | operation | BPF_K);
        instruction.jt = static_cast<uint8_t>(distance(if_true));
        instruction.jf = static_cast<uint8_t>(distance(if_false));
        instruction.k = value;
        NAU_ASSERT(distance(if_true) <= kMaxJump && distance(if_false) <= kMaxJump);
        return push(instruction);
    }

    /// Makes the next instruction (towards the front) fall through to `label`.
    Label continue_at(Label label) {
        if (distance(label) == 0) {
            return label;
        }
        return add(BPF_JMP | BPF_JA, static_cast<uint32_t>(distance(label)));
    }

    std::vector<uint64_t> finish() {
        if (reversed_.size() > kMaxInstructions) {
            throw Error(ErrorKind::invalid,
                        "linux: seccomp: the filter has {} instructions, and the kernel takes {}",
                        reversed_.size(),
                        kMaxInstructions);
        }
        std::vector<uint64_t> program(reversed_.size());
        for (size_t i = 0; i < reversed_.size(); ++i) {
            memcpy(&program[i], &reversed_[reversed_.size() - 1 - i], sizeof(uint64_t));
        }
        return program;
    }

  private:
    /// What may be written between a look at a distance and the jump itself.
    static constexpr size_t kSlack = 2;

    size_t distance(Label label) const noexcept { return reversed_.size() - label - 1; }

    Label push(const sock_filter& instruction) {
        reversed_.push_back(instruction);
        return reversed_.size() - 1;
    }
    Label add(int code, uint32_t value) {
        sock_filter instruction = {};
        instruction.code = static_cast<uint16_t>(code);
        instruction.k = value;
        return push(instruction);
    }

    Label bring_near(Label label, size_t slack) {
        if (distance(label) + slack <= kMaxJump) {
            return label;
        }
        const sock_filter& target = reversed_[label];
        if (target.code == (BPF_RET | BPF_K)) {
            return add(BPF_RET | BPF_K, target.k);
        }
        return add(BPF_JMP | BPF_JA, static_cast<uint32_t>(distance(label)));
    }

    std::vector<sock_filter> reversed_;
    std::vector<std::pair<uint32_t, Label>> returns_;
};

using Label = Assembler::Label;

// --- conditions

/// Tests of the two halves of a 64-bit argument; falls through from the high to the low one.
Label add_comparison(Assembler& out,
                     const SeccompCondition& condition,
                     bool is_64_bit,
                     Label if_true,
                     Label if_false) {
    const auto high = static_cast<uint32_t>(condition.value >> 32);
    const auto low = static_cast<uint32_t>(condition.value);
    const auto high_two = static_cast<uint32_t>(condition.value_two >> 32);
    const auto low_two = static_cast<uint32_t>(condition.value_two);
    const uint8_t index = condition.index;
    if (if_true == if_false) {
        return if_true;  // no branch would be written, and the loads would fall through to nowhere
    }

    const auto add_low = [&](uint16_t operation, uint32_t value, Label yes, Label no) {
        out.add_branch(operation, value, yes, no);
        return out.add_load(low_offset(index));
    };
    const auto add_high = [&](uint16_t operation, uint32_t value, Label yes, Label no) {
        out.add_branch(operation, value, yes, no);
        return out.add_load(high_offset(index));
    };

    switch (condition.op) {
        case SeccompOp::equal: {
            const Label lower = add_low(BPF_JEQ, low, if_true, if_false);
            return is_64_bit ? add_high(BPF_JEQ, high, lower, if_false) : lower;
        }
        case SeccompOp::not_equal: {
            const Label lower = add_low(BPF_JEQ, low, if_false, if_true);
            return is_64_bit ? add_high(BPF_JEQ, high, lower, if_true) : lower;
        }
        case SeccompOp::masked_equal: {
            out.add_branch(BPF_JEQ, low_two, if_true, if_false);
            out.add_and(low);
            const Label lower = out.add_load(low_offset(index));
            if (!is_64_bit || (high == 0 && high_two == 0)) {
                return lower;
            }
            out.add_branch(BPF_JEQ, high_two, lower, if_false);
            out.add_and(high);
            return out.add_load(high_offset(index));
        }
        case SeccompOp::greater:
        case SeccompOp::greater_or_equal: {
            const bool or_equal = condition.op == SeccompOp::greater_or_equal;
            const Label lower = add_low(or_equal ? BPF_JGE : BPF_JGT, low, if_true, if_false);
            if (!is_64_bit) {
                return lower;
            }
            const Label is_equal = out.add_branch(BPF_JEQ, high, lower, if_false);
            return add_high(BPF_JGT, high, if_true, is_equal);
        }
        case SeccompOp::less:
        case SeccompOp::less_or_equal: {
            const bool or_equal = condition.op == SeccompOp::less_or_equal;
            // Not (argument ≥ value), not (argument > value).
            const Label lower = add_low(or_equal ? BPF_JGT : BPF_JGE, low, if_false, if_true);
            if (!is_64_bit) {
                return lower;
            }
            const Label is_equal = out.add_branch(BPF_JEQ, high, lower, if_true);
            return add_high(BPF_JGT, high, if_false, is_equal);
        }
    }
    return if_false;
}

// --- ranges

/// Numbers from `first` up to the next range's first that are judged alike.
struct Range {
    uint32_t first = 0;
    uint32_t action = 0;                           ///< when no alternative matches
    std::vector<const SeccompRule*> alternatives;  ///< with conditions, in order

    bool is_same_as(const Range& other) const noexcept {
        return alternatives.empty() && other.alternatives.empty() && action == other.action;
    }
};

uint32_t default_at(const SeccompArchRules& rules, uint32_t number) noexcept {
    uint32_t action = rules.default_action;
    for (const auto& region : rules.regions) {
        if (region.first <= number) {
            action = region.default_action;
        }
    }
    return action;
}

void append_range(std::vector<Range>& ranges, Range range) {
    if (!ranges.empty() && ranges.back().first == range.first) {
        ranges.pop_back();
    }
    if (!ranges.empty() && ranges.back().is_same_as(range)) {
        return;
    }
    ranges.push_back(std::move(range));
}

std::vector<Range> make_ranges(const SeccompArchRules& architecture) {
    std::vector<const SeccompRule*> sorted;
    sorted.reserve(architecture.rules.size());
    for (const SeccompRule& rule : architecture.rules) {
        sorted.push_back(&rule);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](const SeccompRule* a, const SeccompRule* b) {
        return a->number < b->number;
    });
    std::vector<Range> ranges;
    ranges.reserve(sorted.size());
    append_range(ranges, {0, architecture.default_action, {}});
    size_t region = 0;
    const auto pass_regions = [&](uint64_t up_to) {
        for (; region < architecture.regions.size() && architecture.regions[region].first <= up_to;
             ++region) {
            append_range(ranges,
                         {architecture.regions[region].first,
                          architecture.regions[region].default_action,
                          {}});
        }
    };
    for (size_t i = 0; i < sorted.size();) {
        const uint32_t number = sorted[i]->number;
        pass_regions(number);
        Range range{number, default_at(architecture, number), {}};
        bool has_unconditional = false;
        for (; i < sorted.size() && sorted[i]->number == number; ++i) {
            if (!sorted[i]->conditions.empty()) {
                range.alternatives.push_back(sorted[i]);
            } else if (!has_unconditional) {
                range.action = sorted[i]->action;
                has_unconditional = true;
            }
        }
        append_range(ranges, std::move(range));
        if (number != UINT32_MAX) {
            append_range(ranges, {number + 1, default_at(architecture, number + 1), {}});
        }
    }
    pass_regions(UINT32_MAX);
    return ranges;
}

Label add_verdict(Assembler& out, const Range& range, bool is_64_bit) {
    Label next = out.add_return(range.action);
    for (auto rule = range.alternatives.rbegin(); rule != range.alternatives.rend(); ++rule) {
        const Label failed = next;
        Label passed = out.add_return((*rule)->action);
        const auto& conditions = (*rule)->conditions;
        for (auto condition = conditions.rbegin(); condition != conditions.rend(); ++condition) {
            passed = add_comparison(out, *condition, is_64_bit, passed, failed);
        }
        next = passed;
    }
    return next;
}

Label add_tree(
    Assembler& out, const std::vector<Range>& ranges, size_t from, size_t to, bool is_64_bit) {
    if (to - from == 1) {
        return add_verdict(out, ranges[from], is_64_bit);
    }
    const size_t middle = from + (to - from) / 2;
    const Label upper = add_tree(out, ranges, middle, to, is_64_bit);
    const Label lower = add_tree(out, ranges, from, middle, is_64_bit);
    return out.add_branch(BPF_JGE, ranges[middle].first, upper, lower);
}

}  // namespace

std::vector<uint64_t> assemble_seccomp(const std::vector<SeccompArchRules>& architectures,
                                       uint32_t other_architectures_action) {
    Assembler out;
    std::vector<Label> entries(architectures.size());
    const Label other = out.add_return(other_architectures_action);
    for (size_t i = architectures.size(); i-- > 0;) {
        const std::vector<Range> ranges = make_ranges(architectures[i]);
        const Label tree = add_tree(out, ranges, 0, ranges.size(), architectures[i].is_64_bit);
        out.continue_at(tree);
        entries[i] = out.add_load(kNumberOffset);
    }
    Label next = other;
    for (size_t i = architectures.size(); i-- > 0;) {
        next = out.add_branch(BPF_JEQ, architectures[i].audit_arch, entries[i], next);
    }
    out.continue_at(next);
    out.add_load(kArchOffset);
    return out.finish();
}

uint32_t judge_seccomp(const std::vector<uint64_t>& program, const seccomp_data& call) {
    uint32_t accumulator = 0;
    for (size_t i = 0; i < program.size(); ++i) {
        sock_filter instruction;
        memcpy(&instruction, &program[i], sizeof instruction);
        const uint32_t k = instruction.k;
        bool is_true = false;
        switch (instruction.code) {
            case BPF_RET | BPF_K:
                return k;
            case BPF_LD | BPF_W | BPF_ABS:
                NAU_ASSERT(k + sizeof accumulator <= sizeof call);
                memcpy(&accumulator, reinterpret_cast<const char*>(&call) + k, sizeof accumulator);
                continue;
            case BPF_ALU | BPF_AND | BPF_K:
                accumulator &= k;
                continue;
            case BPF_JMP | BPF_JA:
                i += k;
                continue;
            case BPF_JMP | BPF_JEQ | BPF_K:
                is_true = accumulator == k;
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
                is_true = accumulator > k;
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                is_true = accumulator >= k;
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                is_true = (accumulator & k) != 0;
                break;
            default:
                NAU_ASSERT(false);
        }
        i += is_true ? instruction.jt : instruction.jf;
    }
    NAU_ASSERT(false);
    return SECCOMP_RET_KILL_PROCESS;
}

}  // namespace nau::runtime
