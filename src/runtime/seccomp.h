#pragma once

// System call filters: from the spec's linux.seccomp to a BPF program, and nau's default profile.
//
// The program is a balanced tree of comparisons over the system call numbers of each architecture,
// so that a call is judged after about ten instructions and the whole loads in 0.14 ms
// (seccomp_program.h). Names become numbers through libseccomp's tables, which is all it is used
// for; those of the default profile already at build time (seccomp_profile.h).
//
// How rules are read, where the specification is silent:
//   - The conditions of one rule must all hold (CVE-2017-18367); several rules for one call are
//     alternatives, tried in their order; one without conditions applies when none of the others
//     does.
//   - Where the default action is an errno other than ENOSYS, calls newer than anything the profile
//     names get ENOSYS, so that C libraries fall back to older ones.
//   - A call of an architecture that is not listed kills the process. The native one always is.
//   - On 32-bit x86 a rule without conditions for socket(2) and its kin (and for semget(2) and its)
//     covers the same operation of socketcall(2) (and ipc(2)), unless the profile names that
//     itself.

#include <cstdint>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "sys/capabilities.h"

namespace nau::runtime {

struct SeccompFilter {
    std::vector<uint64_t> program;  ///< struct sock_filter, 8 bytes each
    uint32_t flags = 0;             ///< of seccomp(SECCOMP_SET_MODE_FILTER)
    bool has_notify = false;
    std::string listener_path;  ///< where the listener's descriptor is sent
    std::string listener_metadata;
};

/// A spec that asks for nau's default profile says so by this annotation with the value "default"
/// and has no linux.seccomp: written out, the profile is 8 kB of JSON that every start would parse
/// and resolve.
constexpr const char* kSeccompAnnotation = "nau.seccomp";
constexpr const char* kSeccompDefault = "default";

/// nau's default, written out: what docker and podman allow in 2026, decided by the capabilities a
/// container may have (its bounding set). Denies AF_ALG and AF_VSOCK, io_uring, new namespaces,
/// keys, exotic personalities.
oci::spec::Seccomp default_seccomp_profile(sys::CapabilitySet bounding);

/// The same as a program, from the table made at build time.
SeccompFilter build_default_seccomp_filter(sys::CapabilitySet bounding);

/// @throws Error{invalid} naming the member that is wrong. Names that this machine's libseccomp
/// does not know are skipped, as the field does: profiles are written for newer kernels.
SeccompFilter build_seccomp_filter(const oci::spec::Seccomp& profile);

}  // namespace nau::runtime
