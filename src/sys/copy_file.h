#pragma once

// A file's content as cheaply as the file system can.

namespace nau::sys {

/// All of `from` into the empty file `to`: its blocks are shared where the file system can
/// (FICLONE), holes stay holes. Both offsets move. Not synced. @throws SysError
void copy_file(int from, int to);

}  // namespace nau::sys
