#pragma once

// Copies what is in a directory into another one: owners, modes, times, extended attributes (those
// that a layer may bring), links of both kinds and device nodes as they are. Blocks are shared with
// the original where the file system can. Everything by descriptor: both sides may be changed by a
// container meanwhile (CVE-2018-15664 and its kin).

namespace nau::storage {

/// The target's own owner, mode and times become those of the source directory. What is in it stays
/// and must not bear the same names. Nothing is synced.
/// @param from readable; borrowed  @param to readable; borrowed
void copy_tree(int from, int to);

}  // namespace nau::storage
