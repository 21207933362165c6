#pragma once

// Attributes of the calling process (prctl(2)). All throw SysError.

#include <string>

namespace nau::sys {

/// Whether others of the same user may trace it and read its memory (PR_SET_DUMPABLE).
void set_dumpable(bool on);
/// `signal` is sent when the *thread* that made this process ends; 0: none. Lost by exec of a
/// set-user-ID program and when credentials change.
void set_parent_death_signal(int signal);
/// For ever: no exec gains privileges any more.
void set_no_new_privs();
/// Orphaned descendants become children of this process instead of init's.
void set_child_subreaper(bool on);
/// At most 15 bytes, as ps shows it.
void set_process_name(const std::string& name);
/// Keeps permitted capabilities across a change of all user ids to non-zero; cleared by exec.
void set_keep_capabilities(bool on);

}  // namespace nau::sys
