#pragma once

// What create, run and exec share: the caller's descriptors, the console socket, the pid file, and
// what a runtime adds to the process of the spec.

#include <cstdint>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"
#include "runtime/launch.h"
#include "sys/dir_fd.h"

namespace nau::engine::oci_runtime {

/// Where a started process goes; the same for create, run and exec.
struct ProcessIo {
    std::string console_socket;  ///< takes the pty's master; empty: none
    std::string pid_file;        ///< empty: none
    uint64_t preserve_fds = 0;   ///< 3, 4, … of the caller
    bool is_detached = false;
};

/// A terminal needs somebody who holds its master after we have gone, and the other way round.
/// @throws Error{invalid}
void check_terminal(const ProcessIo& io, bool has_terminal);

/// 3, 4, … as asked, and what systemd's LISTEN_FDS brings; then `process` gets its LISTEN_FDS.
/// @throws Error{invalid} naming the descriptor that is not open
std::vector<int> preserved_fds(const ProcessIo& io, oci::spec::Process& process);

/// HOME from the container's own passwd file when the environment has none.
void add_home(oci::spec::Process& process, const sys::DirFd& rootfs);

/// Our own 0, 1, 2. Those that are pipes become the process's own, so that it can open /dev/stdout.
runtime::StdioFds own_stdio(const oci::RuntimeSpec& spec, const oci::spec::Process& process);

/// Sends the pty's master to whoever listens there. @throws SysError
void send_console(const std::string& socket_path, int master);

void write_pid_file(const std::string& path, pid_t pid);

}  // namespace nau::engine::oci_runtime
