#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <string>

#include "runtime/child/context.h"
#include "runtime/child/stages.h"
#include "runtime/sync.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

namespace {

/// "<directory>/<argv[0]>"; false when it is too long.
bool join_path(char (&path)[PATH_MAX], const char* directory, const char* name) noexcept {
    const size_t length = length_of(directory);
    if (length + 1 + length_of(name) >= sizeof path) {
        return false;
    }
    memcpy(path, directory, length);
    path[length] = '/';
    memcpy(path + length + 1, name, length_of(name) + 1);
    return true;
}

[[noreturn]] void die_of_exec(Context& c, const char* path, int error) noexcept {
    if (error == ENOENT && raw::faccessat(AT_FDCWD, path, F_OK) == 0) {
        die(c, error, "the interpreter it names does not exist");
    }
    die(c, error);
}

[[noreturn]] void execute(Context& c) noexcept {
    SyncMessage message;
    message.kind = SyncKind::executing;
    send(c, message);
    load_filter_last(c);
    const char* name = c.in.argv[0];
    if (c.process.search_path.empty()) {
        at(c, Step::exec);
        die_of_exec(c, name, -raw::execve(name, c.in.argv, c.in.env));
    }
    // As execvp(3), but for its fall-back to a shell.
    at(c, Step::find_command);
    int error = ENOENT;
    for (const std::string& directory : c.process.search_path) {
        char path[PATH_MAX];
        if (!join_path(path, directory.c_str(), name)) {
            continue;
        }
        const int result = -raw::execve(path, c.in.argv, c.in.env);
        if (result == ENOENT && raw::faccessat(AT_FDCWD, path, F_OK) == 0) {
            at(c, Step::exec);
            die_of_exec(c, path, result);
        }
        if (result == EACCES) {
            error = EACCES;  // go on, but remember
        } else if (result != ENOENT && result != ENOTDIR) {
            at(c, Step::exec);
            die(c, result);
        }
    }
    die(c, error);
}

/// Whether the command can be found, without executing it: for a create whose start comes later.
void probe_command(Context& c) noexcept {
    constexpr int kExecutable = 1;  // X_OK
    at(c, Step::find_command);
    const char* name = c.in.argv[0];
    if (c.process.search_path.empty()) {
        check(c, raw::faccessat(AT_FDCWD, name, kExecutable));
        // A directory may be searched, and is yet no program: what execve would say.
        const int directory = raw::open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        check(c, directory >= 0 ? -EACCES : 0);
        return;
    }
    int error = -ENOENT;
    for (const std::string& directory : c.process.search_path) {
        char path[PATH_MAX];
        if (!join_path(path, directory.c_str(), name)) {
            continue;
        }
        const int result = raw::faccessat(AT_FDCWD, path, kExecutable);
        if (result == 0) {
            return;
        }
        error = result == -EACCES ? result : error;
    }
    check(c, error);
}

}  // namespace

void wait_for_start(Context& c) noexcept {
    if (c.start_fifo == kNone && !c.in.awaits_record) {
        return;
    }
    if (c.start_fifo != kNone) {
        probe_command(c);
    }
    at(c, Step::wait_for_start);
    SyncMessage message;
    message.kind = SyncKind::waiting;
    send(c, message);
    if (c.in.awaits_record) {
        await_proceed(c);
    }
    if (c.start_fifo == kNone) {
        return;
    }
    char byte = 0;
    long size = 0;
    do {
        size = raw::read(c.start_fifo, &byte, 1);
    } while (size == -EINTR);
    check(c, size);
    close_if_open(c.start_fifo);
}

[[noreturn]] void start_process(Context& c) noexcept {
    (void)raw::set_signal_mask(0);
    execute(c);
}

}  // namespace nau::runtime::child
