#pragma once

// A directory tree as text, one line for each name, sorted: what tests compare.
//
//   "a/ 755"             directory
//   "a/ 755 opaque"      overlayfs' mark
//   "a/b 644 content"    regular file; beyond 40 bytes its length: "<1000 bytes>"
//   "a/c -> target"      symbolic link
//   "a/d whiteout"       character device 0:0
//   "a/e fifo 600", "a/f char 1:3 666", "a/g block 8:0 660"
//
// Names that share an inode with an earlier one are "a/h = a/b". Owners follow as " 1000:100" when
// they are not the caller's, attributes as " user.x=value".

#include <string>
#include <vector>

namespace nau::test {

/// The root itself is the first line, named ".". Whole seconds of the modification times are
/// appended as " @1700000000" if asked for.
enum class TreeTimes { leave_out, show };
std::vector<std::string> tree_text(const std::string& directory,
                                   TreeTimes times = TreeTimes::leave_out);

}  // namespace nau::test
