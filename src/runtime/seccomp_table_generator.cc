// Runs at build time: resolves the names of the default profile and writes them, per architecture,
// as a table of numbers. Prints C++.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "runtime/seccomp_names.h"
#include "runtime/seccomp_profile.h"

namespace {

using namespace nau::runtime;

struct Row {
    uint32_t number;
    size_t group;
};

void print_arch(SeccompArch arch) {
    std::vector<Row> rows;
    const auto groups = default_seccomp_groups();
    for (size_t i = 0; i < groups.size(); ++i) {
        for (const char* name : groups[i].names) {
            if (const auto number = syscall_number(arch, name)) {
                rows.push_back({*number, i});
            }
        }
    }
    std::stable_sort(
        rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.number < b.number; });
    printf("constexpr SeccompTableRow k%s[] = {\n", seccomp_arch_name(arch));
    for (const Row& row : rows) {
        printf("    {%uU, %zu},\n", row.number, row.group);
    }
    printf("};\n\n");
}

}  // namespace

int main() {
    printf(
        "// Made by seccomp_table_generator.cc.\n\n"
        "#include \"runtime/seccomp_table.h\"\n\n"
        "namespace nau::runtime {\n\nnamespace {\n\n");
    for (const SeccompArch arch : seccomp_arch_family()) {
        print_arch(arch);
    }
    printf("constexpr SeccompTable kTables[] = {\n");
    for (const SeccompArch arch : seccomp_arch_family()) {
        printf("    {static_cast<SeccompArch>(%d), k%s},\n",
               static_cast<int>(arch),
               seccomp_arch_name(arch));
    }
    printf(
        "};\n\n}  // namespace\n\n"
        "std::span<const SeccompTable> default_seccomp_tables() noexcept {\n"
        "    return kTables;\n}\n\n}  // namespace nau::runtime\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
