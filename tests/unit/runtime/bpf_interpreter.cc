#include "tests/unit/runtime/bpf_interpreter.h"

#include <cstddef>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdexcept>

namespace nau::test {

SeccompVerdict run_seccomp(const std::vector<uint64_t>& program, const SeccompCall& call) {
    seccomp_data data = {};
    data.nr = static_cast<int>(call.number);
    data.arch = call.audit_arch;
    for (int i = 0; i < 6; ++i) {
        data.args[i] = call.args[i];
    }
    uint32_t a = 0;
    SeccompVerdict verdict;
    for (size_t pc = 0;; ++pc) {
        if (pc >= program.size()) {
            throw std::runtime_error("jump out of the program");
        }
        sock_filter instruction;
        memcpy(&instruction, &program[pc], sizeof instruction);
        ++verdict.steps;
        const auto branch = [&](bool condition) {
            pc += condition ? instruction.jt : instruction.jf;
        };
        switch (instruction.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (instruction.k % 4 != 0 || instruction.k + 4 > sizeof data) {
                    throw std::runtime_error("load outside of seccomp_data");
                }
                memcpy(&a, reinterpret_cast<const char*>(&data) + instruction.k, sizeof a);
                break;
            case BPF_ALU | BPF_AND | BPF_K:
                a &= instruction.k;
                break;
            case BPF_JMP | BPF_JA:
                pc += instruction.k;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
                branch(a == instruction.k);
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                branch(a >= instruction.k);
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
                branch(a > instruction.k);
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                branch((a & instruction.k) != 0);
                break;
            case BPF_RET | BPF_K:
                verdict.action = instruction.k;
                return verdict;
            default:
                throw std::runtime_error("unknown instruction");
        }
    }
}

}  // namespace nau::test
